"""The pages tell the truth: their commands work and the README's table is one of the reports'."""

import configparser
import re
import shlex
import sys

import click
import pytest

from bench import ROOT
from bench.cli.main import main

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
STARTS = ("python -m bench", "python -m tox", "python -m p", "python -m tests", "pip install")


def commands() -> list[str]:
    """Return every command of the pages, in a code block, a table or a sentence, once."""
    found: dict[str, None] = {}
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for block in re.findall(r"^ *```(?:\w+)?\n(.*?)^ *```", text, re.M | re.S):
            found.update(dict.fromkeys(line.strip() for line in block.splitlines()))
        found.update(dict.fromkeys(re.findall(r"`(python -m [^`]+)`", text)))
    return [
        part.strip() for line in found for part in line.split("&&")
        if part.strip().startswith(STARTS)
    ]  # fmt: skip


def words(command: str) -> list[str]:
    """Return the words of a command, placeholders replaced by what they stand for."""
    return shlex.split(command.replace("NAME", "numpy").replace("PATH", sys.executable))


COMMANDS = commands()


def starting_with(start: str) -> list[str]:
    """Return some of the commands; fail if there are none: the pattern no longer fits."""
    found = [command for command in COMMANDS if command.startswith(start)]
    assert found, start
    return found


@pytest.mark.parametrize("command", starting_with("python -m bench "))
def test_every_bench_command_is_understood(command: str) -> None:
    _, _, _, name, *arguments = words(command)
    assert name in main.commands
    if arguments:  # a sentence may name a command alone
        context = main.commands[name].make_context(name, arguments)
        assert isinstance(context, click.Context)


@pytest.mark.parametrize("command", starting_with("python -m tox"))
def test_every_tox_environment_exists(command: str) -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / "tox.ini", encoding="utf-8")
    given = words(command)
    if "-e" in given:
        assert f"testenv:{given[given.index('-e') + 1]}" in config


@pytest.mark.parametrize("command", starting_with("python -m tests"))
def test_every_script_of_the_tests_exists(command: str) -> None:
    module = words(command)[2]
    assert (ROOT / module.replace(".", "/")).with_suffix(".py").is_file()


def test_every_file_that_a_command_names_exists() -> None:
    named = {word for command in COMMANDS for word in words(command) if word.startswith("tests/")}
    assert named
    assert [word for word in named if not (ROOT / word).exists()] == []


def test_every_extra_exists() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for command in starting_with("pip install"):
        (extras,) = re.findall(r"\[([\w,]+)\]", command)
        for extra in extras.split(","):
            assert re.search(rf"^{extra} = ", project, re.M), extra


def test_the_ci_runs_what_the_readme_says() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "python -m pip install tox" in script
    for environment in ("tests", "accelerators", "lint"):
        assert f"python -m tox run -e {environment}" in script


def test_the_table_at_the_head_of_the_readme_is_one_of_the_reports() -> None:
    head = PAGES[0].read_text(encoding="utf-8").split("## Two commands")[0]
    rows = [line for line in head.splitlines() if line.startswith("|")]
    pages = [page.read_text(encoding="utf-8") for page in (ROOT / "reports").glob("*.md")]
    assert len(rows) > 2
    assert any("\n".join(rows) in page for page in pages)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page) -> None:
    links = r"(?:\]\(|src(?:set)?=\")([^)#:\"]+)"
    for target in re.findall(links, page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target
