"""Which backends there are, told from their files alone."""

import subprocess
import sys
from pathlib import Path

import pytest

from bench import discovery
from bench.discovery import Backend, NoFolder, discover, inspect

SOUND = """
def devices(): ...
def versions(): ...
class Model: ...
"""
HEADER = """# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "toy-framework==1.0",
#     "only-elsewhere; sys_platform == 'nowhere'",
#     "always; python_version >= '3'",
# ]
#
# [tool.bench]
# purpose = "shows how"
# environment = { TOY_THREADS = 1, TOY_MODE = "fast" }
# only_on = ["nowhere"]
# once_a_machine = ["toy_{user}/*.h"]
# hides = ["neighbour"]
# ///
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder of backends beside the shipped one."""
    monkeypatch.setenv(discovery.FOLDER_VARIABLE, str(tmp_path))
    return tmp_path


def backend(folder: Path, source: str, name: str = "toy") -> Backend:
    """Write a backend's file and return what is known of it."""
    path = folder / f"{name}.py"
    path.write_text(source, encoding="utf-8")
    return inspect(path)


def test_the_shipped_backends_are_found() -> None:
    """NumPy, PyTorch and Keras on TensorFlow are there, sound, and sorted by name."""
    found = discover()
    assert {"numpy", "torch", "keras_tensorflow"} <= set(found)
    assert list(found) == sorted(found)
    assert all(one.broken is None for one in found.values())
    assert all(one.dependencies and one.purpose for one in found.values())


def test_a_new_file_is_a_new_backend(folder: Path) -> None:
    """One file in the folder of MLP_BENCH_BACKENDS is enough; shared and hidden files are none."""
    before = set(discover())
    for name in ("toy.py", "_shared.py", "__init__.py", ".toy.py", "toy.txt"):
        (folder / name).write_text(SOUND)
    assert set(discover()) - before == {"toy"}
    assert discover()["toy"].installed


def test_two_files_of_one_name_are_one_broken_backend(folder: Path) -> None:
    """A file of the name of a shipped one never passes for it: both are named."""
    (folder / "numpy.py").write_text(SOUND)
    broken = discover()["numpy"].broken or ""
    assert str(folder / "numpy.py") in broken
    assert str(discovery.SHIPPED / "numpy.py") in broken


def test_the_shipped_folder_in_the_variable_is_no_second_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Naming the shipped folder once more changes nothing."""
    before = discover()
    monkeypatch.setenv(discovery.FOLDER_VARIABLE, str(discovery.SHIPPED))
    assert discover() == before


def test_a_variable_that_names_no_folder_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A typing mistake in MLP_BENCH_BACKENDS is said, not passed over."""
    monkeypatch.setenv(discovery.FOLDER_VARIABLE, str(tmp_path / "gone"))
    with pytest.raises(NoFolder, match=r"gone.*which is no folder"):
        discover()


def test_the_header_says_what_is_needed(folder: Path) -> None:
    """Dependencies are those of this platform; the table gives purpose, variables, platforms."""
    toy = backend(folder, HEADER + SOUND)
    assert toy.dependencies == ("toy-framework==1.0", "always")
    assert toy.install_command == "python -m pip install toy-framework==1.0 always"
    assert toy.purpose == "shows how"
    assert toy.environment == {"TOY_THREADS": "1", "TOY_MODE": "fast"}
    assert (toy.only_on, toy.is_default) == (("nowhere",), False)
    assert toy.once_a_machine == ("toy_{user}/*.h",)
    assert toy.hides == ("neighbour",)


@pytest.mark.parametrize("name", ["/tmp/elsewhere", "../elsewhere", "toy/../../elsewhere"])
def test_what_is_made_once_a_machine_lies_in_the_temporary_folder(folder: Path, name: str) -> None:
    """A path that leads out of it makes the backend broken."""
    toy = backend(folder, HEADER.replace("toy_{user}/*.h", name) + SOUND)
    assert toy.broken is not None
    assert "expected a path in the temporary folder" in toy.broken


def test_a_file_without_header_needs_nothing(folder: Path) -> None:
    """The header may be absent."""
    toy = backend(folder, SOUND)
    assert (toy.dependencies, toy.environment, toy.is_default) == ((), {}, True)
    assert toy.problem is None


def test_what_a_shell_would_swallow_is_quoted(folder: Path) -> None:
    """An install command can be copied into a shell as it is."""
    toy = backend(folder, '# /// script\n# dependencies = ["toy[all]>=1,<2"]\n# ///\n' + SOUND)
    assert toy.install_command.startswith("python -m pip install 'toy[all]")


def test_a_missing_module_is_named_with_its_install_command(folder: Path) -> None:
    """Imports at the top are looked for, each top-level package once, and none is imported."""
    imports = "import numpy, no_such_one.part\nimport no_such_one\nfrom no_such_two.x import y\n"
    toy = backend(folder, HEADER + imports + SOUND)
    assert toy.missing == ("no_such_one", "no_such_two")
    assert not toy.installed
    assert toy.problem is not None
    assert toy.problem.startswith("not installed (no_such_one, no_such_two): python -m pip install")


def test_what_the_shared_code_imports_is_needed_too(folder: Path) -> None:
    """A backend that stands on `_shared.py` needs what that file needs."""
    (folder / "_shared.py").write_text("import no_such_framework\nclass Model: ...\n")
    toy = backend(folder, "from ._shared import Model, devices, versions\n")
    assert toy.missing == ("no_such_framework",)
    assert toy.broken is None


def test_imported_and_assigned_names_count_as_defined(folder: Path) -> None:
    """A backend may take its devices, versions and Model from elsewhere."""
    assert backend(folder, "from os import path as devices\nversions = Model = 1\n").installed


@pytest.mark.parametrize(
    "line", ["from bench.contract import Samples", "from bench import workload", "import benches"]
)
def test_the_types_of_the_harness_may_be_imported(folder: Path, line: str) -> None:
    """However they are: the contract is made for that; other names only begin like it."""
    assert backend(folder, f"{line}\n{SOUND}").broken is None


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("def devices(: ...", "SyntaxError"),
        ("\0", "null bytes"),
        ("", "does not define devices, versions, Model"),
        ("def devices(): ...\nclass Model: ...", "does not define versions: see bench/contract.py"),
        ("from ._absent import Model\n" + SOUND, "_absent.py"),
        ("from bench.inputs import epoch_orders\n" + SOUND, "it imports bench.inputs.epoch_orders"),
        ("from bench import inputs\n" + SOUND, "it imports bench.inputs; expected of bench only"),
        (SOUND + "def later():\n    import bench.watched\n", "it imports bench.watched"),
        ("# /// script\n# dependencies = [\n# ///\n" + SOUND, "TOMLDecodeError"),
        ('# /// script\n# dependencies = ["no such: thing"]\n# ///\n' + SOUND, "'no such: thing'"),
        ("# /// script\n# dependencies = [1]\n# ///\n" + SOUND, "TypeError"),
        ('# /// script\n# dependencies = "toy"\n# ///\n' + SOUND, 'as in ["toy"]'),
        ('# /// script\n# tool.bench.only_on = "linux"\n# ///\n' + SOUND, 'as in ["linux"]'),
        ("# /// script\n# tool.bench = 1\n# ///\n" + SOUND, "AttributeError"),
        ('# /// script\n# tool.bench.environment = "x"\n# ///\n' + SOUND, "AttributeError"),
    ],
)
def test_a_broken_file_is_reported_and_spoils_no_other(
    folder: Path, source: str, said: str
) -> None:
    """What is wrong with a file becomes the state of its backend; the others are still found."""
    toy = backend(folder, source)
    assert toy.broken is not None
    assert said in toy.broken
    assert toy.problem == f"broken: {toy.broken}"
    assert not toy.installed
    assert "numpy" in discover()


def test_a_file_that_is_not_utf_8_is_broken(folder: Path) -> None:
    """A file in another encoding is reported as such."""
    path = folder / "toy.py"
    path.write_bytes(b"# caf\xe9\n")
    assert "UnicodeDecodeError" in (inspect(path).broken or "")


def test_a_mark_before_the_text_does_no_harm(folder: Path) -> None:
    """Some editors on Windows begin every file with one."""
    path = folder / "toy.py"
    path.write_text(HEADER + SOUND, encoding="utf-8-sig")
    assert inspect(path).dependencies == backend(folder, HEADER + SOUND).dependencies


def test_shared_files_that_import_each_other_end(folder: Path) -> None:
    """A circle of shared files is reported as broken, not followed for ever."""
    (folder / "_one.py").write_text("from ._two import x\n")
    (folder / "_two.py").write_text("from ._one import x\n")
    assert "RecursionError" in (backend(folder, "from ._one import x\n" + SOUND).broken or "")


def test_nothing_of_a_backend_is_executed(folder: Path) -> None:
    """A backend that would end the process when imported is only read."""
    assert backend(folder, "raise SystemExit(1)\n" + SOUND).installed


def test_no_framework_is_imported() -> None:
    """Discovering every backend in a fresh interpreter loads none of their frameworks."""
    code = (
        "import sys; from bench.discovery import discover; discover(); import bench.cli;"
        "print([m for m in ('numpy', 'torch', 'tensorflow', 'keras', 'jax', 'scipy')"
        " if m in sys.modules])"
    )
    root = Path(discovery.__file__).parent.parent
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", ["two words", "a,b", "a|b", "n" * 101])
def test_a_name_that_no_table_takes_is_broken(folder: Path, name: str) -> None:
    """A run file with it could not be read again, or an option not name it."""
    (folder / f"{name}.py").write_text(SOUND)
    assert discover()[name].broken == (
        f"its name is {name!r}; expected 1 to 100 letters, digits, - and _: rename the file"
    )
