"""Whatever comes from a run file shows as text in Markdown, in tables, lists and code."""

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as some

from bench.report.markdown import BREAK, code_block, table, text

LETTERS = some.text() | some.text(
    alphabet="|<>&`*_~[]()!#-+.=1 \\\n\r\t@:/wWhtps\x85\u2028", max_size=30
)
HOSTILE = [
    "<script>alert(1)</script>", "a|b", "a\nb", "`code`", "**bold**", "~~gone~~", "__init__",
    "[link](javascript:1)", "![image](http://x)", "https://example.org", "www.example.org",
    "&lt;", "\\", "\\|", "@a", "wWw.x.y", "x" * 10_000, "", " ", "\0", "\u202e", "¯\\_(ツ)_/¯",
]  # fmt: skip


def read(markdown: str) -> str:
    """Return what a reader sees: escapes and entities resolved."""
    visible = markdown.replace(BREAK, "")
    return html.unescape(re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", visible))


def cells(row: str) -> list[str]:
    """Return the cells of a line of a table, as GitHub splits it: at pipes without a backslash."""
    return re.split(r"(?<!\\)\|", row.strip())[1:-1]


@given(value=LETTERS)
def test_any_text_is_one_line_that_shows_its_letters(value: str) -> None:
    """What cannot be printed becomes a space; every other letter is read as it was."""
    printable = "".join(letter if letter.isprintable() else " " for letter in value)
    assert read(text(value)) == printable.strip()


@given(value=LETTERS)
def test_no_letter_keeps_its_meaning(value: str) -> None:
    """Neither pipes, tags, entities, line breaks nor unescaped marks are left."""
    shown = text(value).replace(BREAK, "")
    assert not re.search(r"[|<>\n\r]", shown)
    assert not re.search(r"(?<!\\)(\\\\)*[`*\[\]~]", shown)
    assert not re.search(r"&(?!amp;|lt;|gt;|#124;|#64;|#36;|#58;|#46;)", shown)
    assert "://" not in shown or not re.search(r"(?i)(https?|ftp)://", shown)


@pytest.mark.parametrize("value", HOSTILE)
def test_hostile_text_is_shown_as_it_is(value: str) -> None:
    """Tags, links, images, emphasis and mentions stay what they look like in the file."""
    printable = "".join(letter if letter.isprintable() else " " for letter in value)
    assert read(text(value)) == printable.strip()
    assert "<script" not in text(value)


@pytest.mark.parametrize(
    ("value", "mark"), [("a@b.c", "@"), ("xmpp:a@b.c", "@"), ("$x$ $y$", "$"), ("@a", "@")]
)
def test_an_address_or_a_formula_is_cut_in_two(value: str, mark: str) -> None:
    """GitHub makes links and formulas of text whose entities are resolved: a comment divides it."""
    assert text(value).count(BREAK) == value.count(mark)
    assert mark not in text(value)


@pytest.mark.parametrize("value", ["__b__", "_b_", "a __b__ c", "__", "a__b__", "__a__b"])
def test_underscores_at_the_ends_of_a_word_emphasize_nothing(value: str) -> None:
    """Every one of several in a row is escaped, too."""
    unescaped = re.findall(r"(?<!\\)_", text(value))
    assert not unescaped


@pytest.mark.parametrize(
    "value", ["# no heading", "#", "- no list", "+ none", "1. none", "12) none", "---", "===", "-"]
)
def test_the_first_letters_begin_no_block(value: str) -> None:
    """A log line in a list stays a line: no heading, no list in the list, no rule."""
    assert not re.match(r"#{1,6}(\s|$)|[-+*](\s|$)|\d+[.)](\s|$)|-{3,}|={2,}", text(value))
    assert read(text(value)) == value


def test_indented_text_is_no_code() -> None:
    """Four spaces at the start of a log line do not make a block of code of it."""
    assert text('    File "x.py", line 1') == 'File "x.py", line 1'


@pytest.mark.parametrize("value", ["keras_tensorflow", "1.2.3", "-0.5", "1337", "cuda:0", "±2 %"])
def test_ordinary_text_stays_readable_in_the_source(value: str) -> None:
    """Names, versions and numbers are written as they are."""
    assert text(value) == value


@given(rows=some.lists(some.lists(LETTERS, min_size=3, max_size=3), max_size=4))
def test_every_row_has_as_many_cells_as_the_header(rows: list[list[str]]) -> None:
    """No text breaks a table: one line a row, the same number of cells in each."""
    lines = table(["a", "b", "c"], [[text(cell) for cell in row] for row in rows]).split("\n")
    assert len(lines) == 2 + len(rows)
    assert {len(cells(line)) for line in lines} == {3}
    for line, row in zip(lines[2:], rows, strict=True):
        for cell, value in zip(cells(line), row, strict=True):
            assert cell.strip() == text(value).strip()


def test_the_first_columns_are_aligned_left_and_numbers_right() -> None:
    """The second line says so; numbers keep the digits that they were given."""
    lines = table(["a", "b"], [["x", "0.10"], ["y", "1e5"]]).splitlines()
    assert re.fullmatch(r"\|:-+\|-+:\|", lines[1])
    assert "0.10" in lines[2]
    assert "1e5" in lines[3]


def test_a_table_without_rows_is_a_header() -> None:
    """Nothing to show is shown as nothing, in sound Markdown."""
    assert len(table(["a", "b"], []).splitlines()) == 2


@given(content=LETTERS)
def test_no_content_ends_a_block_of_code(content: str) -> None:
    """The fence is longer than any run of backticks within."""
    opening, line, closing = code_block(content).split("\n")
    assert opening == closing
    assert set(opening) == {"`"}
    assert opening not in line
    assert len(opening) >= 3
