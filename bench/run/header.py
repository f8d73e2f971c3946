"""The header of a backend's file: PEP 723, with a table of our own."""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import msgspec
from packaging.requirements import InvalidRequirement, Requirement

from bench.workload import Precision

HEADER = re.compile(r"(?m)^# /// script\s*$\n((?:^#(?: .*)?$\n)+?)^# ///\s*$")


class Table(msgspec.Struct, frozen=True):
    """What is said of a backend: see bench.run.backends."""

    purpose: str = ""
    environment: dict[str, str | int | float] = {}
    only_on: tuple[str, ...] = ()
    once_a_machine: tuple[str, ...] = ()
    hides: tuple[str, ...] = ()
    precisions: dict[Precision, dict[str, str | int | float]] = {}
    accelerators_only: tuple[Precision, ...] = ()
    measures_bound: bool = False


class Tool(msgspec.Struct, frozen=True):
    """The tables of tools, of which ours is read."""

    bench: Table = Table()


class Header(msgspec.Struct, frozen=True):
    """What is read of a header."""

    dependencies: tuple[str, ...] = ()
    tool: Tool = Tool()


def texts(variables: Mapping[str, object]) -> dict[str, str]:
    """Return variables as an environment takes them."""
    return {name: str(value) for name, value in variables.items()}


def header_of(source: str) -> Header:
    """Return the header of a file; raise ValueError if it cannot be read."""
    match = HEADER.search(source)
    lines = match.group(1).splitlines() if match else []
    try:
        return msgspec.toml.decode("\n".join(line[2:] for line in lines), type=Header)
    except msgspec.DecodeError as error:
        raise ValueError(
            f"its header cannot be read: {error}; expected what CONTRIBUTING.md shows: correct it"
        ) from error


def relative(name: str) -> str:
    """Return a path within the temporary folder; raise ValueError if it leads elsewhere."""
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise ValueError(f"once_a_machine is {name!r}; expected a path in the temporary folder")
    return name


def applying(dependencies: Iterable[str]) -> Iterator[str]:
    """Yield the requirements whose marker applies here, without the marker."""
    for line in dependencies:
        try:
            requirement = Requirement(line)
        except InvalidRequirement as error:
            raise ValueError(f"the dependency {line!r} is not valid: {error}") from error
        if requirement.marker is None or requirement.marker.evaluate():
            requirement.marker = None
            yield str(requirement)
