"""What is imported when: the command line loads no framework, the worker nothing of NumPy."""

import subprocess
import sys

import pytest

from bench import ROOT

HEAVY = ("cupy", "jax", "keras", "mlx", "numpy", "scipy", "tensorflow", "tinygrad", "torch")
LOADED = f"print(sorted({{name.partition('.')[0] for name in sys.modules}} & set({HEAVY!r})))"


def loaded(script: str) -> str:
    """Return the heavy modules that are loaded after a script in a fresh interpreter."""
    ended = subprocess.run(
        [sys.executable, "-c", f"import sys\n{script}\n{LOADED}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.splitlines()[-1]


@pytest.mark.parametrize("arguments", [["list"], ["--help"], ["run", "--help"], ["--version"]])
def test_a_quick_answer_loads_no_framework(arguments: list[str]) -> None:
    """Nor NumPy nor SciPy: that is why it is quick."""
    script = (
        "from bench.cli.main import main\n"
        f"try: main({arguments!r})\n"
        "except SystemExit as left: assert not left.code, left.code\n"
    )
    assert loaded(script) == "[]"


@pytest.mark.parametrize(
    "module", ["bench.cli.main", "bench.trial.worker", "bench.run.executor", "bench.run.plan"]
)
def test_importing_a_module_of_the_parent_loads_no_framework(module: str) -> None:
    """What a backend costs to import is measured in its child: nobody may have paid before."""
    assert loaded(f"import {module}") == "[]"


def test_without_the_harness_needs_the_command_says_what_to_install() -> None:
    ended = subprocess.run(
        [sys.executable, "-S", "-m", "bench", "list"],  # -S: nothing that was installed is found
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 2
    assert "is not installed for" in ended.stderr
    assert "pip install -e" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
