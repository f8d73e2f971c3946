"""Footnotes: a mark at the row, the reason below the table."""

from bench.report.footnotes import Footnotes


def test_equal_notes_share_a_number() -> None:
    """Numbers count the notes in the order in which they were first made."""
    notes = Footnotes()
    marks = [notes.mark(note) for note in ("first", "second", "first")]
    assert marks == [" ¹", " ²", " ¹"]


def test_notes_stand_below_one_a_line() -> None:
    """Lines break in Markdown, and the text shows as text."""
    notes = Footnotes()
    notes.mark("a | b")
    notes.mark("<c>")
    assert notes.below() == "¹ a &#124; b  \n² &lt;c&gt;"


def test_numbers_of_two_digits_are_raised_too() -> None:
    """The tenth note is ¹⁰."""
    notes = Footnotes()
    assert [notes.mark(str(number)) for number in range(10)][-1] == " ¹⁰"


def test_without_notes_nothing_stands_below() -> None:
    """No empty paragraph is left."""
    assert Footnotes().below() == ""
