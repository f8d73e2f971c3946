"""Which backends exist and what each needs, without importing any of them.

A backend is a file in `backends/` whose name has no leading underscore. Its PEP 723 header says
what to install; the table `[tool.bench]` there may add `purpose` (one line for `list`),
`environment` (variables set in its child before anything is imported), `only_on` (platforms
on which it is part of `--backend all`), `once_a_machine` (patterns of files within the temporary
folder that the framework makes once a machine, not once a program), `hides` (modules that the
framework does not need and would import if they happen to be installed beside it),
`measures_bound` (whether its framework is one that can measure the GEMM bound of its devices) and
`precisions` (what it can round the operands of products to beside float32, each with the variables
that are set for it; those in `accelerators_only` not on the processor).
"""

import ast
import hashlib
import importlib.util
import os
import re
import shlex
import sys
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from packaging.requirements import Requirement

from bench import ROOT
from bench.run.header import applying, header_of, relative, texts
from bench.workload import Device, Precision

FOLDER_VARIABLE = "MLP_BENCH_BACKENDS"
SHIPPED = ROOT / "backends"
NAME = re.compile(r"[\w-]{1,100}")  # what a run file takes, and an option, which splits at commas
CONTRACT = ("devices", "versions", "Model")


class NoFolder(Exception):
    """The variable MLP_BENCH_BACKENDS names no folder."""


class Backend(NamedTuple):
    """What is known of a backend from its file alone."""

    name: str
    path: Path
    dependencies: tuple[str, ...] = ()  # those that apply on this platform, PEP 508
    packages: tuple[str, ...] = ()  # names of all its dependencies, on any platform
    purpose: str = ""
    environment: dict[str, str] = {}
    only_on: tuple[str, ...] = ()  # values of sys.platform; empty: all
    once_a_machine: tuple[str, ...] = ()  # patterns: see bench.run.environment
    hides: tuple[str, ...] = ()  # modules that are as if not installed in its child
    precisions: dict[Precision, dict[str, str]] = {}  # beside float32: variables set for each
    accelerators_only: tuple[Precision, ...] = ()  # of its precisions
    measures_bound: bool = False  # whether its interpreter has a library for the GEMM bound
    source: str = ""  # hash of its file and of the shared code that it imports
    missing: tuple[str, ...] = ()  # modules that it imports and that are not installed
    broken: str | None = None  # why the file cannot be a backend

    @property
    def is_default(self) -> bool:
        """Whether `--backend all` includes it on this platform."""
        return not self.only_on or sys.platform in self.only_on

    def computes_in(self, precision: Precision, device: Device) -> bool:
        """Return whether it has a precision on a device; TF32 is NVIDIA's."""
        if precision == "tf32" and device.kind != "cuda":
            return False
        known = precision in self.precisions or precision == "float32"
        return known and not (device.is_cpu and precision in self.accelerators_only)

    def variables(self, precision: Precision) -> dict[str, str]:
        """Return the variables that are set for its children of a precision."""
        return self.environment | self.precisions.get(precision, {})

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
    path = paths[0]
    if not NAME.fullmatch(path.stem):
        reason = "expected 1 to 100 letters, digits, - and _: rename the file"
        return Backend(path.stem, path, broken=f"its name is {path.stem!r}; {reason}")
    if len(paths) > 1:
        reason = f"there are {len(paths)} of that name: {', '.join(map(str, paths))}: rename one"
        return Backend(path.stem, path, broken=reason)
    return inspect(path)


def inspect(path: Path) -> Backend:
    """Read one backend's file."""
    try:
        files = _with_shared(path)
        header = header_of(files[path])
        table = header.tool.bench
        trees = [ast.parse(text, str(file)) for file, text in files.items()]
        return Backend(
            name=path.stem,
            path=path,
            dependencies=tuple(applying(header.dependencies)),
            packages=tuple(Requirement(line).name for line in header.dependencies),
            purpose=table.purpose,
            environment=texts(table.environment),
            only_on=table.only_on,
            once_a_machine=tuple(map(relative, table.once_a_machine)),
            hides=table.hides,
            precisions={name: texts(variables) for name, variables in table.precisions.items()},
            accelerators_only=table.accelerators_only,
            measures_bound=table.measures_bound,
            source=_hash(files),
            missing=_missing_modules(trees),
            broken=_missing_names(trees[0]),
        )
    except (SyntaxError, ValueError, OSError) as error:
        return Backend(path.stem, path, broken=f"{type(error).__name__}: {error}")


def _with_shared(path: Path) -> dict[Path, str]:
    """Return the text of a file, and of the shared code that it imports, and that this does."""
    found: dict[Path, str] = {}
    waiting = [path]
    while waiting:
        file = waiting.pop()
        if file not in found:
            # Some editors put a mark before the text.
            found[file] = file.read_text(encoding="utf-8-sig")
            waiting += _shared(ast.parse(found[file], str(file)), file.parent)
    return found


def _shared(tree: ast.Module, folder: Path) -> Iterator[Path]:
    """Yield the shared code that a file imports: beside it, or with the shipped backends."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            for module in [node.module] if node.module else [one.name for one in node.names]:
                beside = folder / f"{module}.py"
                yield beside if beside.exists() else SHIPPED / beside.name


def _hash(files: Iterable[Path]) -> str:
    """Return 12 hex digits of the SHA-256."""
    digest = hashlib.sha256()
    for file in sorted(files, key=lambda file: file.name):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


def _missing_modules(trees: Iterable[ast.Module]) -> tuple[str, ...]:
    """Return the top-level modules that files import and that are not installed."""
    modules: dict[str, None] = {}
    for node in chain.from_iterable(tree.body for tree in trees):
        if isinstance(node, ast.Import):
            modules.update(dict.fromkeys(alias.name.partition(".")[0] for alias in node.names))
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            modules[node.module.partition(".")[0]] = None
    return tuple(
        name for name in modules
        if name not in sys.modules and importlib.util.find_spec(name) is None
    )  # fmt: skip


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
    return f"it does not define {', '.join(missing)}: see bench/workload/contract.py"
