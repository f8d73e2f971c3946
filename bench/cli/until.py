"""`--until`: another round, or is it enough?"""

import time
from collections.abc import Callable

from bench.results.records import MOST_ROUNDS, Run

MOST_EXTRA_EPOCHS = 100  # of a round that is added


def wants_more(
    until: float | None, max_minutes: float, extra_epochs: int
) -> Callable[[Run], int | None]:
    """Return what says with how many extra epochs to add a round; None if that is enough.

    Turns cost less than another start of every framework, so a round gets as many as are missing,
    within reason: rounds have to check each other.
    """
    deadline = time.monotonic() + 60 * max_minutes

    def more(record: Run) -> int | None:
        if until is None or time.monotonic() > deadline or record.rounds >= MOST_ROUNDS:
            return None
        from bench.results.cases import rows_of  # NumPy and SciPy: only where they are needed
        from bench.results.comparison import least_known

        widest = least_known(rows_of(record))
        if widest is None or widest.half_width is None:
            return extra_epochs if widest else None
        if widest.half_width <= until:
            return None
        missing = widest.values * ((widest.half_width / until) ** 2 - 1)
        return min(MOST_EXTRA_EPOCHS, max(extra_epochs, round(missing)))

    return more
