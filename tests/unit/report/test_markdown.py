"""Whatever comes from a run file shows as text in Markdown, in tables, lists and code."""

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as some

from bench.report.markdown import BREAK, code_block, table, text
from bench.report.tables import Table

LETTERS = some.text() | some.text(
    alphabet="|<>&`*_~[]()!#-+.=1 \\\n\r\t@:/wWhtps\x85\u2028", max_size=30
)


def read(markdown: str) -> str:
    """Return what a reader sees: escapes and entities resolved."""
    visible = markdown.replace(BREAK, "")
    return html.unescape(re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", visible))


def cells(row: str) -> list[str]:
    """Return the cells of a line of a table, as GitHub splits it: at pipes without a backslash."""
    return re.split(r"(?<!\\)\|", row.strip())[1:-1]


@given(value=LETTERS)
def test_any_text_is_one_line_that_shows_its_letters(value: str) -> None:
    printable = "".join(letter if letter.isprintable() else " " for letter in value)
    assert read(text(value)) == printable.strip()


@given(value=LETTERS)
def test_no_letter_keeps_its_meaning(value: str) -> None:
    shown = text(value).replace(BREAK, "")
    assert not re.search(r"[|<>\n\r]", shown)
    assert shown == "~" or not re.search(r"(?<!\\)(\\\\)*[`*\[\]~]", shown)
    assert not re.search(r"&(?!amp;|lt;|gt;|#124;|#64;|#36;|#58;|#46;)", shown)
    assert "://" not in shown or not re.search(r"(?i)(https?|ftp)://", shown)


@pytest.mark.parametrize(
    ("value", "mark"), [("a@b.c", "@"), ("xmpp:a@b.c", "@"), ("$x$ $y$", "$"), ("@a", "@")]
)
def test_an_address_or_a_formula_is_cut_in_two(value: str, mark: str) -> None:
    """GitHub makes links and formulas of text whose entities are resolved: a comment divides it."""
    assert text(value).count(BREAK) == value.count(mark)
    assert mark not in text(value)


@pytest.mark.parametrize("value", ["__b__", "_b_", "a __b__ c", "__", "a__b__", "__a__b"])
def test_underscores_at_the_ends_of_a_word_emphasize_nothing(value: str) -> None:
    unescaped = re.findall(r"(?<!\\)_", text(value))
    assert not unescaped


@pytest.mark.parametrize(
    "value", ["# no heading", "#", "- no list", "+ none", "1. none", "12) none", "---", "===", "-"]
)
def test_the_first_letters_begin_no_block(value: str) -> None:
    assert not re.match(r"#{1,6}(\s|$)|[-+*](\s|$)|\d+[.)](\s|$)|-{3,}|={2,}", text(value))
    assert read(text(value)) == value


@pytest.mark.parametrize("value", ["keras_tensorflow", "1.2.3", "-0.5", "1337", "cuda:0", "±2 %"])
def test_ordinary_text_stays_readable_in_the_source(value: str) -> None:
    assert text(value) == value


@given(rows=some.lists(some.lists(LETTERS, min_size=3, max_size=3), max_size=4))
def test_every_row_has_as_many_cells_as_the_header(rows: list[list[str]]) -> None:
    lines = table(Table("", ["a", "b", "c"], rows)).split("\n")
    assert len(lines) == 2 + len(rows)
    assert {len(cells(line)) for line in lines} == {3}
    for line, row in zip(lines[2:], rows, strict=True):
        for cell, value in zip(cells(line), row, strict=True):
            assert read(cell.strip()) == read(text(value)).strip()


def test_intervals_stay_readable_in_the_source_and_links_are_none() -> None:
    shown = table(Table("", ["a"], [["0.25 [0.24, 0.26] ×"], ["[1](x)"], ["[a]"]]))
    assert "0.25 [0.24, 0.26] ×" in shown
    assert "\\[1\\](x)" in shown and "\\[a\\]" in shown


def test_a_flagged_row_is_struck_through_and_names_its_footnotes() -> None:
    shown = table(Table("", ["a", "b"], [["x", "1"], ["y|", "2"]], flagged={1: " ¹ ²"}))
    assert "~~y&#124;~~ ¹ ²" in shown and "~~x" not in shown


def test_the_first_columns_are_aligned_left_and_numbers_right() -> None:
    lines = table(Table("", ["a", "b"], [["x", "0.10"], ["y", "1e5"]], left=1)).splitlines()
    assert re.fullmatch(r"\|:-+\|-+:\|", lines[1])
    assert "0.10" in lines[2]
    assert "1e5" in lines[3]


@given(content=LETTERS)
def test_no_content_ends_a_block_of_code(content: str) -> None:
    opening, line, closing = code_block(content).split("\n")
    assert opening == closing
    assert set(opening) == {"`"}
    assert opening not in line
    assert len(opening) >= 3
