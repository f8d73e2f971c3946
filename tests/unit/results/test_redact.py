"""Nobody's name gets into a run file."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from bench.results.redact import clean, known, replacements_for

PATHS = {"/home/ann": "~", "/home/ann/mlp-bench": ".", "/home/ann/venv": "<python>"}
ANN = replacements_for(PATHS, user="ann", host="box.example.org")


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
def test_home_user_and_host_are_taken_out_and_words_that_hold_them_are_kept(
    text: str, expected: str
) -> None:
    assert clean(text, ANN) == expected


def test_what_cannot_be_printed_becomes_a_space() -> None:
    """Colours, bells and broken characters of a log do no harm in a table."""
    assert clean("a\x1b[31mb\x07c\r\nd\udcffe", ANN) == "a [31mb c  d e"


@settings(max_examples=20)
@given(text=some.text())
def test_cleaned_text_is_one_printable_line_without_names(text: str) -> None:
    cleaned = clean(f"{text} ann box.example.org /home/ann {text}", ANN)
    assert cleaned.isprintable()
    assert "/home/ann" not in cleaned
    assert " ann " not in cleaned


@pytest.mark.parametrize(
    ("user", "host", "text"), [("root", "localhost", "root at localhost"), ("me", "", "me and it")]
)
def test_common_and_short_names_are_left_alone(user: str, host: str, text: str) -> None:
    assert clean(text, replacements_for({}, user, host)) == text


@pytest.mark.parametrize("error", [OSError, KeyError, ImportError, RuntimeError])
def test_a_user_without_an_entry_has_no_name_and_no_home(error: type[Exception]) -> None:
    """In a container a user may be a mere number."""

    def ask() -> str:
        raise error

    assert known(ask) == ""
    assert clean("on box", replacements_for({known(ask): "~"}, known(ask), "box")) == "on <host>"
