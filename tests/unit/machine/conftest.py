"""What all tests of this room share."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from unit.machine.fakes import Plant

from bench.machine.sources import Source


@pytest.fixture
def plant(tmp_path: Path) -> Plant:
    """Write files, path -> text, below a folder that stays the same for a test.

    Returns the folder as a source; a `system` answers beside it as psutil does.
    """

    def write(files: Mapping[str, str] = {}, system: Any = None) -> Source:
        for path, text in files.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(text)
        return Source(tmp_path, system)

    return write
