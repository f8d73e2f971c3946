"""What a machine of a fleet says of itself."""

from importlib.metadata import version
from pathlib import Path

import pytest

from bench.run.backends import FOLDER_VARIABLE
from bench.run.node import facts

HEADER = """\
# /// script
# dependencies = ["Click>=8; sys_platform == 'elsewhere'", "no-such-package"]
# ///
"""


def test_a_machine_names_the_versions_of_whatever_the_backends_depend_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "new.py").write_text(HEADER)
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    versions = facts().versions
    assert versions["Click"] == version("click") and "no-such-package" not in versions
