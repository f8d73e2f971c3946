"""The README tells the truth: its commands work and its table is one of the reports'."""

import configparser
import re
import shlex
import sys
from pathlib import Path

import click
import pytest

from bench.cli import main

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md"]


def commands() -> list[str]:
    """Return every line of every code block, and every command in a table or sentence."""
    found: dict[str, None] = {}
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for block in re.findall(r"^ *```(?:\w+)?\n(.*?)^ *```", text, re.M | re.S):
            found.update(dict.fromkeys(line.strip() for line in block.splitlines()))
        found.update(dict.fromkeys(re.findall(r"`(python -m [^`]+)`", text)))
    starts = ("python -m bench", "python -m tox", "python -m p", "pip install")
    return [line for line in found if line.startswith(starts)]


def parts(line: str) -> list[list[str]]:
    """Return the words of each command of a line, placeholders replaced by what they stand for."""
    line = (
        line.replace("NAME", "numpy")
        .replace("PATH", sys.executable)
        .replace("[", "'[")
        .replace("]", "]'")
    )
    return [shlex.split(part.replace("'", "")) for part in line.split("&&")]


@pytest.mark.parametrize("line", [line for line in commands() if "python -m bench" in line])
def test_every_bench_command_is_understood(line: str) -> None:
    """The command line takes every command of the pages, with all its options."""
    for words in parts(line):
        if words[:3] == ["python", "-m", "bench"] and len(words) > 3 and words[3] != "--help":
            command = main.commands[words[3]]
            context = command.make_context(words[3], words[4:], resilient_parsing=False)
            assert isinstance(context, click.Context)


@pytest.mark.parametrize("line", [line for line in commands() if "-m tox" in line])
def test_every_tox_environment_exists(line: str) -> None:
    """The environments that the pages name are in tox.ini."""
    config = configparser.ConfigParser()
    config.read(ROOT / "tox.ini", encoding="utf-8")
    for words in parts(line):
        if "-e" in words:
            assert f"testenv:{words[words.index('-e') + 1]}" in config


def test_every_extra_exists() -> None:
    """The extras that the pages name are in pyproject.toml."""
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    extras = re.findall(r"pip install -e \"\.\[([\w,]+)\]\"", PAGES[0].read_text(encoding="utf-8"))
    assert extras
    for extra in ",".join(extras).split(","):
        assert re.search(rf"^{extra} = ", project, re.M)


def test_the_ci_runs_what_the_readme_says() -> None:
    """`.ci/run` runs the two environments by the README's words."""
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "python -m pip install tox" in script
    assert "python -m tox run -e tests" in script
    assert "python -m tox run -e lint" in script


def test_the_newest_table_is_one_of_the_reports() -> None:
    """The table at the head of the README stands, line by line, in a page of reports/."""
    head = PAGES[0].read_text(encoding="utf-8").split("## Two commands")[0]
    rows = [line for line in head.splitlines() if line.startswith("|")]
    pages = [page.read_text(encoding="utf-8") for page in (ROOT / "reports").glob("*.md")]
    assert len(rows) > 2
    assert any("\n".join(rows) in page for page in pages)


def test_links_lead_somewhere() -> None:
    """Every relative link of the pages names a file or folder that is there."""
    for page in PAGES:
        links = r"(?:\]\(|src(?:set)?=\")([^)#:\"]+)"
        for target in re.findall(links, page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), target
