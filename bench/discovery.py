"""Which backends exist and what each needs, without importing any of them.

A backend is a file in `backends/` whose name has no leading underscore. Its PEP 723 header says
what to install; the table `[tool.bench]` there may add `purpose` (one line for `list`),
`environment` (variables set in its child before anything is imported), `only_on` (platforms
on which it is part of `--backend all`), `once_a_machine` (patterns of files within the temporary
folder that the framework makes once a machine, not once a program) and `hides` (modules that the
framework does not need and would import if they happen to be installed beside it).
"""

import ast
import importlib.util
import os
import re
import shlex
import sys
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from packaging.requirements import InvalidRequirement, Requirement

FOLDER_VARIABLE = "MLP_BENCH_BACKENDS"
SHIPPED = Path(__file__).parent.parent / "backends"
HEADER = re.compile(r"(?m)^# /// script\s*$\n((?:^#(?: .*)?$\n)+?)^# ///\s*$")  # PEP 723
NAME = re.compile(r"[\w-]{1,100}")  # what a run file takes, and an option, which splits at commas
CONTRACT = ("devices", "versions", "Model")
TYPES = ("bench.contract", "bench.workload")  # all that a backend may import of the harness


class NoFolder(Exception):
    """The variable MLP_BENCH_BACKENDS names no folder."""


class Backend(NamedTuple):
    """What is known of a backend from its file alone."""

    name: str
    path: Path
    dependencies: tuple[str, ...] = ()  # those that apply on this platform, PEP 508
    purpose: str = ""
    environment: dict[str, str] = {}
    only_on: tuple[str, ...] = ()  # values of sys.platform; empty: all
    once_a_machine: tuple[str, ...] = ()  # patterns: see bench.surroundings
    hides: tuple[str, ...] = ()  # modules that are as if not installed in its child
    missing: tuple[str, ...] = ()  # modules that it imports and that are not installed
    broken: str | None = None  # why the file cannot be a backend

    @property
    def installed(self) -> bool:
        """Whether the file is sound and all that it imports can be found."""
        return not self.missing and self.broken is None

    @property
    def is_default(self) -> bool:
        """Whether `--backend all` includes it on this platform."""
        return not self.only_on or sys.platform in self.only_on

    @property
    def install_command(self) -> str:
        """The command that installs what the header names."""
        return "python -m pip install " + " ".join(map(shlex.quote, self.dependencies))

    @property
    def problem(self) -> str | None:
        """Why it cannot run here and what to do, in one line; None if nothing is known."""
        if self.broken:
            return f"broken: {self.broken}"
        if self.missing:
            return f"not installed ({', '.join(self.missing)}): {self.install_command}"
        return None


def folders() -> list[Path]:
    """Return the folders that hold backends: the shipped one, and the variable's if it is set.

    Raises NoFolder if the variable names none.
    """
    extra = os.environ.get(FOLDER_VARIABLE)
    if extra and not Path(extra).is_dir():
        raise NoFolder(
            f"{FOLDER_VARIABLE} is {extra!r}, which is no folder; expected one that holds "
            "backends: make it, or unset the variable"
        )
    return list(dict.fromkeys([SHIPPED.resolve(), *([Path(extra).resolve()] if extra else [])]))


def discover() -> dict[str, Backend]:
    """Return all backends by name, in alphabetical order; two of one name are one broken one."""
    paths: dict[str, list[Path]] = {}
    for folder in folders():
        for path in folder.glob("[!_.]*.py"):
            paths.setdefault(path.stem, []).append(path)
    return {name: _only(paths[name]) for name in sorted(paths)}


def _only(paths: list[Path]) -> Backend:
    """Return the backend of the one file of its name: a second must not pass for the first."""
    name = paths[0].stem
    if not NAME.fullmatch(name):
        reason = (
            f"its name is {name!r}; expected 1 to 100 letters, digits, - and _: rename the file"
        )
        return Backend(name=name, path=paths[0], broken=reason)
    if len(paths) == 1:
        return inspect(paths[0])
    reason = f"there are {len(paths)} of that name: {', '.join(map(str, paths))}: rename one"
    return Backend(name=name, path=paths[0], broken=reason)


def inspect(path: Path) -> Backend:
    """Read one backend's file."""
    try:
        source = path.read_text(encoding="utf-8-sig")  # some editors put a mark before the text
        tree = ast.parse(source, str(path))
        header = _header(source)
        table = header.get("tool", {}).get("bench", {})
        return Backend(
            name=path.stem,
            path=path,
            dependencies=_dependencies(_list(header, "dependencies")),
            purpose=str(table.get("purpose", "")),
            environment={name: str(value) for name, value in table.get("environment", {}).items()},
            only_on=tuple(_list(table, "only_on")),
            once_a_machine=tuple(map(_relative, _list(table, "once_a_machine"))),
            hides=tuple(_list(table, "hides")),
            missing=_missing_modules(tree, path),
            broken=_missing_names(tree) or _harness_imported(tree, path),
        )
    except (SyntaxError, ValueError, OSError, AttributeError, TypeError, RecursionError) as error:
        return Backend(name=path.stem, path=path, broken=f"{type(error).__name__}: {error}")


def _header(source: str) -> dict[str, Any]:
    """Return the PEP 723 block of a script, {} if there is none."""
    match = HEADER.search(source)
    if match is None:
        return {}
    return tomllib.loads("\n".join(line[2:] for line in match.group(1).splitlines()))


def _list(table: dict[str, Any], key: str) -> list[str]:
    """Return the list under a key, [] if it is absent; raise TypeError if it is none."""
    found = table.get(key, [])
    if not isinstance(found, list):
        raise TypeError(f'{key} is {found!r}; expected a list, as in ["{found}"]')
    return found


def _relative(name: str) -> str:
    """Return a path within the temporary folder; raise ValueError if it leads elsewhere."""
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise ValueError(f"once_a_machine is {name!r}; expected a path in the temporary folder")
    return name


def _dependencies(lines: list[str]) -> tuple[str, ...]:
    """Return the requirements whose marker applies here, without the marker."""
    chosen = []
    for line in lines:
        try:
            requirement = Requirement(line)
        except InvalidRequirement as error:
            raise ValueError(f"the dependency {line!r} is not valid: {error}") from error
        if requirement.marker is None or requirement.marker.evaluate():
            requirement.marker = None
            chosen.append(str(requirement))
    return tuple(chosen)


def _missing_modules(tree: ast.Module, path: Path) -> tuple[str, ...]:
    """Return the top-level modules that a file, or its shared code, imports and nobody has."""
    tops = {name.partition(".")[0]: None for name in _imported(tree.body, path)}
    return tuple(top for top in tops if not _can_be_found(top))


def _imported(nodes: Iterable[ast.AST], path: Path) -> Iterator[str]:
    """Yield, dotted, what these parts of a file import, and what its shared code does."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            shared = _shared(path.parent, f"{node.module}.py")
            yield from _imported(ast.parse(shared.read_text()).body, shared)


def _shared(folder: Path, name: str) -> Path:
    """Return where shared code lies: beside the backend, or with the shipped ones."""
    return folder / name if (folder / name).exists() else SHIPPED / name


def _can_be_found(module: str) -> bool:
    if module in sys.modules:
        return True
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def _harness_imported(tree: ast.Module, path: Path) -> str | None:
    """Return what a file imports of the harness beyond types, wherever it does, in words.

    Who knows the orders to come can train before the clock starts; who has the labels, predict.
    """
    found = [
        name
        for name in _imported(ast.walk(tree), path)
        if name.partition(".")[0] == "bench" and not name.startswith(TYPES)
    ]
    if not found:
        return None
    return (
        f"it imports {', '.join(dict.fromkeys(found))}; expected of bench only the types of "
        f"{' and '.join(TYPES)}: see bench/contract.py"
    )


def _missing_names(tree: ast.Module) -> str | None:
    """Return what the module does not define of the contract, in words."""
    defined: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            defined.add(node.name)
        elif isinstance(node, ast.ImportFrom | ast.Import):
            defined.update(alias.asname or alias.name for alias in node.names)
        elif isinstance(node, ast.Assign):
            defined.update(target.id for target in node.targets if isinstance(target, ast.Name))
    missing = [name for name in CONTRACT if name not in defined]
    if "*" in defined or not missing:
        return None
    return f"it does not define {', '.join(missing)}: see bench/contract.py"
