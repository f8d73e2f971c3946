"""How fast the rows of a section predict: one image, several at once, the whole test set."""

from collections.abc import Callable
from functools import cached_property, partial
from statistics import quantiles

from bench.report import numbers
from bench.report.sections import Section, ratio_in_words
from bench.results import statistics
from bench.results.cases import Row
from bench.results.quantities import counted
from bench.results.records import Case
from bench.results.statistics import Interval

Cell = Callable[[Row], str]
PERCENTILES = (95, 99)


class Contest:
    """The rows of a section in calls that predict so many images each."""

    def __init__(self, section: Section, images: int) -> None:
        self.images = images
        self.is_whole_test_set = images == section.workload.test_samples
        found = {row.case: row.predicting(images) for row in section.measured}
        self._timings = {case: timings for case, timings in found.items() if timings.turns}
        self.seconds: dict[Case, Interval] = {
            case: statistics.centre(list(timings.seconds.values()))
            for case, timings in self._timings.items()
        }
        sound = (row.case for row in section.sound if row.case in self.seconds)
        self._sound = sorted(sound, key=lambda case: self.seconds[case].centre)

    @property
    def name(self) -> str:
        """Return "1 image", "128 images" …"""
        return counted(self.images, "image")

    @cached_property
    def _fastest_group(self) -> set[Case]:
        return statistics.fastest_group({case: self._timings[case] for case in self._sound})

    def relative(self, row: Row) -> str:
        """Return how much longer its calls take than the fastest row's; ~ if that is not shown."""
        if row.case not in self._sound:
            return "–" if row.case in self.seconds else ""
        fastest = self._sound[0]
        if row.case == fastest:
            return "1"
        if row.case in self._fastest_group:
            return "~"
        return ratio_in_words(self._timings[row.case], self._timings[fastest])

    def microseconds(self, row: Row) -> str:
        """Return how long a call takes, with its interval."""
        if row.case not in self.seconds:
            return ""
        return numbers.interval(self.seconds[row.case], 1e6)

    def rate(self, row: Row) -> str:
        """Return how many images are predicted in a second."""
        if row.case not in self.seconds:
            return ""
        return numbers.significant(self.images / self.seconds[row.case].centre, 3)


def contests(section: Section) -> list[Contest]:
    """Return a contest for each number of images that calls predict; [] if none was timed."""
    sizes = sorted({size for row in section.measured for size in row.call_sizes})
    return [Contest(section, size) for size in sizes]


def columns(section: Section) -> dict[str, Cell]:
    """Return the cells of a row by header; none if no row predicted."""
    found: dict[str, Cell] = {}
    for contest in contests(section):
        name = contest.name
        if not contest.is_whole_test_set:
            found[f"{name} µs"] = contest.microseconds
        if contest.images == 1:
            found |= {f"{share}th µs": partial(_percentile, share) for share in PERCENTILES}
        else:
            found[f"{name}/s"] = contest.rate
        found[f"{name} relative"] = contest.relative
    return found


def _percentile(share: int, row: Row) -> str:
    seconds = percentile(row, share)
    return "" if seconds is None else numbers.significant(1e6 * seconds, 3)


def percentile(row: Row, share: int) -> float | None:
    """Return the seconds that so many of 100 calls of one image do not exceed."""
    calls = row.calls(1)
    return quantiles(calls, n=100, method="inclusive")[share - 1] if len(calls) > 1 else None
