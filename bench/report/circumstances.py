"""Under which circumstances rows were measured: failures, who is absent, command and versions."""

import textwrap
from collections.abc import Sequence

from bench.report import descriptions, markdown, summary
from bench.results.cases import Row
from bench.results.records import Failed, Run

LAST_LINES = 3  # that a failed trial printed, to show


def circumstances(run: Run, rows: Sequence[Row]) -> list[str]:
    """Return the last parts of a page's section about some rows of a run, each with its title."""
    failures = [
        _failure(f"{summary.row_name(run, row)}, round {number + 1}", failed)
        for row in rows
        for number, failed in sorted(row.failures.items())
    ]
    backends = dict.fromkeys(row.case.backend for row in rows)
    lists = {
        "### Failed trials": "\n".join(failures),
        "### Not taking part": markdown.bullets(
            [f"{one.backend}: {one.reason}" for one in run.skipped]
        ),
        "### Reproduce": markdown.code_block(run.command),
        "### Versions": markdown.bullets(
            [f"{name}: {descriptions.software(run, name)}" for name in backends]
        ),
    }
    return [part for title, content in lists.items() if content for part in (title, content)]


def _failure(trial: str, failed: Failed) -> str:
    """Return why a trial failed, and below it the last lines that it printed."""
    lines = failed.log_tail[-LAST_LINES:]
    reason = markdown.bullets([f"{trial}: {failed.kind}: {failed.reason}"])
    block = textwrap.indent(markdown.code_block(*lines), "  ") if lines else ""
    return f"{reason}\n{block}".rstrip()
