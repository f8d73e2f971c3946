"""Nobody's name gets into a run file."""

import getpass
import platform
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from bench import scrub


@pytest.fixture(autouse=True)
def somebody(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Be the user ann on the machine box.example.org."""
    monkeypatch.setattr(getpass, "getuser", lambda: "ann")
    monkeypatch.setattr(platform, "node", lambda: "box.example.org")
    monkeypatch.setattr(Path, "home", lambda: Path("/home/ann"))
    monkeypatch.setattr(sys, "prefix", "/home/ann/venv")
    monkeypatch.setattr(scrub, "ROOT", Path("/home/ann/mlp-bench"))
    scrub._replacements.cache_clear()
    yield
    scrub._replacements.cache_clear()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/home/ann/data/x.gz", "~/data/x.gz"),
        ("/home/ann/mlp-bench/backends/torch.py", "./backends/torch.py"),
        ("/home/ann/venv/lib/torch.so", "<python>/lib/torch.so"),
        ("/scratch/ann/x", "/scratch/<user>/x"),
        ("ann@box: no", "<user>@<host>: no"),
        ("connected to box.example.org:80", "connected to <host>:80"),
        ("/net/box/tmp", "/net/<host>/tmp"),
        ("planned, annotated, inbox, boxes", "planned, annotated, inbox, boxes"),
        ("", ""),
    ],
)
def test_home_user_and_host_are_taken_out(text: str, expected: str) -> None:
    """Paths lose their beginning, names their letters; words that hold them keep theirs."""
    assert scrub.clean(text) == expected


def test_what_cannot_be_printed_becomes_a_space() -> None:
    """Colours, bells and broken characters of a log do no harm in a table."""
    assert scrub.clean("a\x1b[31mb\x07c\r\nd\udcffe") == "a [31mb c  d e"


@given(text=some.text())
def test_cleaned_text_is_one_printable_line_without_names(text: str) -> None:
    """Whatever a child prints, no name and no control character is left."""
    cleaned = scrub.clean(f"{text} ann box.example.org /home/ann {text}")
    assert cleaned.isprintable()
    assert "/home/ann" not in cleaned
    assert " ann " not in cleaned


def test_common_names_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """`root` and `localhost` tell nobody anything, and names of two letters hit too much."""
    monkeypatch.setattr(getpass, "getuser", lambda: "root")
    monkeypatch.setattr(platform, "node", lambda: "localhost")
    scrub._replacements.cache_clear()
    assert scrub.clean("root at localhost") == "root at localhost"
    monkeypatch.setattr(getpass, "getuser", lambda: "me")
    monkeypatch.setattr(platform, "node", lambda: "")
    scrub._replacements.cache_clear()
    assert scrub.clean("me and it") == "me and it"


@pytest.mark.parametrize("error", [OSError, KeyError, ImportError])
def test_a_user_without_an_entry_is_nobody(
    monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    """In a container a user may have a number and no name."""

    def unknown() -> str:
        raise error

    monkeypatch.setattr(getpass, "getuser", unknown)
    scrub._replacements.cache_clear()
    assert scrub.clean("on box") == "on <host>"
