"""How text and tables look in Markdown. Whatever comes from a run file shows as text."""

import re
from collections.abc import Sequence

from tabulate import tabulate

from bench.report.tables import Table
from bench.results import redact

BLOCK = re.compile(r"^(\d{1,9})?([-+#=.)])(?=[\s\-=#]|$)")  # begins a list, a heading or a rule
INTERVAL = re.compile(r"\\\[([-+−\d., ]+)\\\](?![(\[:])")  # escaped, though it can begin no link
BREAK = "<!-- -->"  # GitHub looks for addresses and formulas once entities are resolved
ENTITIES = {
    "&": "&amp;", "<": "&lt;", ">": "&gt;", "|": "&#124;",
    "@": f"&#64;{BREAK}", "$": f"&#36;{BREAK}",
}  # fmt: skip


def text(value: object) -> str:
    """Return a value as one line of Markdown that shows exactly its characters.

    White space around it is dropped; so is any meaning of its first letters (a heading, a list).
    """
    line = redact.printable(str(value)).strip()
    line = re.sub(r"[\\`*\[\]]|(?<!^)~|~(?!$)", r"\\\g<0>", line)  # "~" alone has no meaning
    line = re.sub(r"(?<![^\W_])_|_(?![^\W_])", r"\\_", line)  # inside a word it is no emphasis
    line = BLOCK.sub(r"\1\\\2", line)
    line = "".join(ENTITIES.get(letter, letter) for letter in line)
    line = re.sub(r"(?i)(https?|ftp):", r"\1&#58;", line)  # no link made of it
    return re.sub(r"(?i)(www)\.", r"\1&#46;", line)


def bullets(lines: Sequence[str], sign: str = "") -> str:
    """Return a list of plain texts, "" if there are none."""
    return "\n".join(f"- {sign}{text(line)}" for line in lines)


def code_block(*lines: str) -> str:
    """Return a fenced block that no content can end early."""
    content = "\n".join(map(redact.printable, lines))
    longest = max(map(len, re.findall("`+", content)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{content}\n{fence}"


def grid(headers: Sequence[str], rows: Sequence[Sequence[str]], left: int) -> str:
    """Return cells that are Markdown already as a table, `left` columns of it aligned left."""
    alignment = ["left" if column < left else "right" for column in range(len(headers))]
    return str(tabulate(rows, headers, tablefmt="pipe", disable_numparse=True, colalign=alignment))


def table(shown: Table) -> str:
    """Return a table of plain text, the names of its flagged rows struck through."""
    rows = [[INTERVAL.sub(r"[\1]", text(cell)) for cell in row] for row in shown.rows]
    for number, marks in shown.flagged.items():
        rows[number][0] = f"~~{rows[number][0]}~~{marks}"
    return grid(shown.headers, rows, shown.left)
