"""Which backends there are, told from their files alone."""

from pathlib import Path

import pytest

from bench.run.backends import FOLDER_VARIABLE, SHIPPED, Backend, NoFolder, discover, inspect

SOUND = "def devices(): ...\ndef versions(): ...\nclass Model: ...\n"
HEADER = """# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "toy-framework[all]>=1,<2",
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
# measures_bound = true
# ///
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder of backends beside the shipped one."""
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    return tmp_path


def backend(folder: Path, source: str, encoding: str = "utf-8") -> Backend:
    """Write a backend's file and return what is known of it."""
    path = folder / "toy.py"
    path.write_text(source, encoding=encoding)
    return inspect(path)


def header(*lines: str) -> str:
    """Return a sound backend with these lines in its header."""
    return "\n# ".join(["# /// script", *lines, "///\n"]) + SOUND


def test_the_shipped_backends_are_found() -> None:
    found = discover()
    assert {"numpy", "torch", "keras_tensorflow"} <= set(found)
    assert list(found) == sorted(found)
    assert all(one.broken is None for one in found.values())
    assert all(one.dependencies and one.purpose for one in found.values())


def test_a_new_file_is_a_new_backend(folder: Path) -> None:
    before = set(discover())
    for name in ("toy.py", "_shared.py", "__init__.py", ".toy.py", "toy.txt"):
        (folder / name).write_text(SOUND)
    assert set(discover()) - before == {"toy"}
    assert not discover()["toy"].problem


def test_two_files_of_one_name_are_one_broken_backend(folder: Path) -> None:
    (folder / "numpy.py").write_text(SOUND)
    broken = discover()["numpy"].broken or ""
    assert broken.startswith("there are 2 of that name: ")
    assert str(folder / "numpy.py") in broken and str(SHIPPED / "numpy.py") in broken


def test_a_variable_that_names_no_folder_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "gone"))
    with pytest.raises(NoFolder, match=r"gone.*which is no folder"):
        discover()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_the_header_says_what_is_needed(folder: Path, encoding: str) -> None:
    toy = backend(folder, HEADER + SOUND, encoding)
    assert toy.install_command == "python -m pip install 'toy-framework[all]<2,>=1' always"
    assert toy.purpose == "shows how"
    assert toy.environment == {"TOY_THREADS": "1", "TOY_MODE": "fast"}
    assert (toy.only_on, toy.is_default) == (("nowhere",), False)
    assert toy.once_a_machine == ("toy_{user}/*.h",)
    assert (toy.hides, toy.measures_bound) == (("neighbour",), True)


def test_missing_modules_are_named_with_the_install_command(folder: Path) -> None:
    imports = "import numpy, no_such_one.part\nimport no_such_one\nfrom no_such_two.x import y\n"
    toy = backend(folder, HEADER + imports + SOUND)
    assert toy.problem is not None
    assert toy.problem.startswith("not installed (no_such_one, no_such_two): python -m pip install")


def test_what_the_shared_code_imports_is_needed_too(folder: Path) -> None:
    (folder / "_shared.py").write_text("import no_such_framework\nclass Model: ...\n")
    toy = backend(folder, "from ._shared import Model, devices, versions\n")
    assert (toy.missing, toy.broken) == (("no_such_framework",), None)
    assert (toy.dependencies, toy.environment, toy.is_default) == ((), {}, True)


@pytest.mark.parametrize(
    "source",
    ["from os import path as devices\nversions = Model = 1\n", "raise SystemExit(1)\n" + SOUND],
)
def test_names_may_come_from_elsewhere_and_nothing_is_executed(folder: Path, source: str) -> None:
    assert not backend(folder, source).problem


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("def devices(: ...", "SyntaxError"),
        ("\0", "null bytes"),
        ("", "does not define devices, versions, Model"),
        ("def devices(): ...\nclass Model: ...", "does not define versions: see bench/workload/"),
        ("from ._absent import Model\n" + SOUND, "_absent.py"),
        (header("dependencies = ["), "its header cannot be read: "),
        (header('dependencies = ["no such: thing"]'), "'no such: thing'"),
        (header("dependencies = [1]"), "Expected `str`, got `int` - at `$.dependencies[0]`"),
        (header('tool.bench.only_on = "linux"'), "Expected `array`, got `str` - at `$.tool.bench"),
        *((header(f'tool.bench.once_a_machine = ["{path}"]'), "a path in the temporary folder")
          for path in ("/tmp/elsewhere", "../elsewhere", "toy/../../elsewhere")),
    ],
)  # fmt: skip
def test_a_broken_file_is_reported_and_spoils_no_other(
    folder: Path, source: str, said: str
) -> None:
    toy = backend(folder, source)
    assert said in (toy.broken or "")
    assert toy.problem == f"broken: {toy.broken}"
    assert "numpy" in discover()


def test_shared_files_may_import_each_other(folder: Path) -> None:
    (folder / "_one.py").write_text("from . import _two\n")
    (folder / "_two.py").write_text("from ._one import x\nimport no_such_thing\n")
    assert backend(folder, "from ._one import x\n" + SOUND).missing == ("no_such_thing",)


@pytest.mark.parametrize("name", ["two words", "a,b", "a|b", "n" * 101])
def test_a_name_that_no_option_or_run_file_takes_is_broken(folder: Path, name: str) -> None:
    (folder / f"{name}.py").write_text(SOUND)
    said = f"its name is {name!r}; expected 1 to 100 letters, digits, - and _: rename the file"
    assert discover()[name].broken == said
