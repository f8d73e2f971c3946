"""How text and tables look in Markdown. Whatever comes from a run file shows as text."""

import re
from collections.abc import Sequence

from tabulate import tabulate

BLOCK = re.compile(r"^(\d{1,9})?([-+#=.)])(?=[\s\-=#]|$)")  # begins a list, a heading or a rule
BREAK = "<!-- -->"  # GitHub looks for addresses and formulas once entities are resolved
ENTITIES = {
    "&": "&amp;", "<": "&lt;", ">": "&gt;", "|": "&#124;",
    "@": f"&#64;{BREAK}", "$": f"&#36;{BREAK}",
}  # fmt: skip


def text(value: object) -> str:
    """Return a value as one line of Markdown that shows exactly its characters.

    White space around it is dropped; so is any meaning of its first letters (a heading, a list).
    """
    line = "".join(letter if letter.isprintable() else " " for letter in str(value)).strip()
    line = re.sub(r"([\\`*\[\]~])", r"\\\1", line)
    line = re.sub(r"(?<![^\W_])_|_(?![^\W_])", r"\\_", line)  # inside a word it is no emphasis
    line = BLOCK.sub(r"\1\\\2", line)
    line = "".join(ENTITIES.get(letter, letter) for letter in line)
    line = re.sub(r"(?i)(https?|ftp):", r"\1&#58;", line)  # no link made of it
    return re.sub(r"(?i)(www)\.", r"\1&#46;", line)


def code_block(content: str) -> str:
    """Return a fenced block that no content can end early."""
    line = "".join(letter if letter.isprintable() else " " for letter in content)
    longest = max((len(run) for run in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{line}\n{fence}"


def table(headers: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1) -> str:
    """Return a table whose first `left` columns are aligned left and the rest right.

    Headers and cells are Markdown already: pass them through `text` where they are not.
    """
    alignment = ["left" if column < left else "right" for column in range(len(headers))]
    return str(tabulate(rows, headers, tablefmt="pipe", disable_numparse=True, colalign=alignment))
