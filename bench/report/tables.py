"""What the tables of one workload on one machine hold."""

from collections.abc import Mapping, Sequence
from statistics import mean, stdev

from bench import checks, statistics
from bench.records import Cell
from bench.report import efficiency, numbers
from bench.report.efficiency import Floors
from bench.report.footnotes import Footnotes
from bench.report.markdown import table, text
from bench.report.time_to_accuracy import thresholds, typical_seconds
from bench.rows import Row

SPEED = (
    "backend", "version", "device", "fastest", "s per epoch [95 %]", "trials", "relative",
    "samples/s", "GFLOP/s", "× floor", "µs/step", "% of peak", "proof",
)  # fmt: skip
COST = (
    "backend", "device", "import s", "build s", "first epoch s", "compile s", "pays off after",
    "evaluation s/epoch", "total s", "J/epoch", "peak memory", "device memory",
)  # fmt: skip


class Contest:
    """The rows that did the same work on the same machine, the fastest first."""

    def __init__(
        self,
        rows: Sequence[Row],
        marks: Mapping[Cell, list[str]],
        notes: Footnotes,
        floors: Mapping[str, Floors] | None = None,
    ) -> None:
        """Order the rows; those without a trial and those not proved come last."""
        self.floors = floors or {}  # by device
        self.notes = notes
        self._marks = marks
        self.rows = sorted(rows, key=self._place)
        sound = {row.cell: row.seconds for row in self.rows if self.is_sound(row)}
        names = {f"{cell.backend} on {cell.device}": cell for cell in sound}
        self.fastest_group = {
            names[name]
            for name in statistics.fastest_group({n: sound[cell] for n, cell in names.items()})
        } if sound else set()  # fmt: skip
        self._rivals = sum(len(row.trials) > 1 for row in self.rows if self.is_sound(row))
        self.fastest = next((row for row in self.rows if self.is_sound(row)), None)

    def is_sound(self, row: Row) -> bool:
        """Whether a row may be compared: proved, and without any mark."""
        return (
            bool(row.trials)
            and checks.proof_mistake(row.proof) is None
            and not self._marks.get(row.cell)
        )

    def _place(self, row: Row) -> tuple[bool, float, str]:
        seconds = row.interval.centre if row.interval else float("inf")
        return not self.is_sound(row), seconds, row.cell.backend

    def name(self, row: Row) -> str:
        """Return the backend's name, struck through if unproven, with its footnotes."""
        mistake = checks.proof_mistake(row.proof)
        name = text(row.cell.backend)
        shown = f"~~{name}~~" if mistake else name
        reasons = [mistake] if mistake else []
        reasons += self._marks.get(row.cell, [])
        return shown + "".join(self.notes.mark(reason) for reason in reasons)

    def relative(self, row: Row) -> str:
        """Return how much slower than the fastest row, paired by round; ~ if not shown."""
        if self.fastest is None or not self.is_sound(row):
            return "–"
        if row is self.fastest:
            return "1"
        if row.cell in self.fastest_group:
            return "~"  # of many comparisons some show a difference by chance: the group allows it
        new, base = statistics.paired(row.seconds, self.fastest.seconds)
        if not new:
            return "–"
        ratio = statistics.ratio(new, base)
        if ratio.low is None or statistics.verdict(ratio) == "~":
            return "~"
        return f"{numbers.interval(ratio)} ×"

    def group(self, row: Row) -> str:
        """Return a dot for the members of the fastest group."""
        return "●" if row.cell in self.fastest_group and self._rivals > 1 else ""

    def winners(self) -> str:
        """Return the names of the fastest group; without trials to show one, say so."""
        assert self.fastest is not None, "there is a sound row"
        group = [text(row.cell.backend) for row in self.rows if self.group(row)]
        name = text(self.fastest.cell.backend)
        alone = sum(self.is_sound(row) for row in self.rows) == 1
        return ", ".join(group) or (name if alone else f"not shown ({name} was lowest)")


def speed(contest: Contest) -> str:
    """Return the table of speeds."""
    return table(SPEED, [_speed_row(contest, row) for row in contest.rows], left=3)


def _speed_row(contest: Contest, row: Row) -> list[str]:
    start = [contest.name(row), text(row.version or ""), text(row.cell.device)]
    proof = "failed" if checks.proof_mistake(row.proof) else "✓"
    if row.interval is None:
        return [*start, "", "failed", "0", *6 * [""], proof]
    seconds = row.interval.centre
    spread = row.interval.half_width
    samples = row.workload.train_samples / seconds
    rate = row.workload.epoch_flop / seconds / 1e9
    return [
        *start,
        contest.group(row),
        numbers.interval(row.interval),
        str(len(row.trials)),
        contest.relative(row),
        numbers.with_spread(samples, spread and spread * samples),
        numbers.with_spread(rate, spread and spread * rate),
        *_against_floor(contest.floors.get(row.cell.device), row, seconds, spread),
        proof,
    ]


def _against_floor(
    floor: Floors | None, row: Row, seconds: float, spread: float | None
) -> list[str]:
    """Return × floor, µs a step and percent of the peak of a row's device."""
    step = 1e6 * seconds / row.workload.steps
    step_text = numbers.with_spread(step, spread and spread * step)
    if floor is None:
        return ["", step_text, ""]
    share = 100 * row.workload.epoch_flop / seconds / floor.peak_flop_per_second
    return [
        numbers.interval(floor.tax(row)),
        step_text,
        numbers.with_spread(share, spread and max(spread, 0.01) * share),
    ]


def cost(contest: Contest) -> str:
    """Return the table of what else a backend costs: medians over the trials."""
    return table(COST, [_cost_row(contest, row) for row in contest.rows if row.trials], left=2)


def _cost_row(contest: Contest, row: Row) -> list[str]:
    trials = row.trials.values()
    seconds = [
        [trained.import_seconds for trained in trials],
        [trained.build_seconds for trained in trials],
        [trained.epochs[0].seconds for trained in trials],
        [epoch.evaluation_seconds for trained in trials for epoch in trained.epochs],
        [trained.total_seconds for trained in trials],
    ]
    return [
        contest.name(row),
        text(row.cell.device),
        *(numbers.significant(row.typical(values) or 0, 2) for values in seconds[:3]),
        *_compiling(contest, row),
        *(numbers.significant(row.typical(values) or 0, 2) for values in seconds[3:]),
        _joules(row),
        numbers.size(row.typical(trained.peak_memory_bytes for trained in trials)),
        numbers.size(row.typical(trained.device_memory_bytes for trained in trials)),
    ]


def _joules(row: Row) -> str:
    """Return the energy of an epoch, the first left out; "" where nothing counted it."""
    joules = row.typical(
        epoch.joules for trained in row.trials.values() for epoch in trained.epochs[1:]
    )
    return numbers.significant(joules, 2) if joules else ""


def _compiling(contest: Contest, row: Row) -> list[str]:
    """Return the seconds of compiling and the epochs after which they are paid for."""
    if not efficiency.compiles(row):
        return ["–", ""]
    seconds = numbers.significant(efficiency.typical_compile_seconds(row) or 0, 2)
    rivals = (
        rival for rival in contest.rows
        if contest.is_sound(rival)
        and rival.cell.device == row.cell.device
        and not efficiency.compiles(rival)
    )  # fmt: skip
    rival = next(rivals, None)
    if rival is None:
        return [seconds, ""]
    epochs = efficiency.epochs_to_pay_off(row, rival)
    name = text(rival.cell.backend)
    plural = "epoch" if epochs == 1 else "epochs"
    return [seconds, f"{epochs:,} {plural}" if epochs else f"never (against {name})"]


def quality(contest: Contest) -> str:
    """Return the table of losses and accuracies after the last epoch, over the rounds."""
    if not contest.rows:
        return ""
    reached = [f"s to {one:.2f}" for one in thresholds(contest.rows[0].workload)]
    headers = ["backend", "device", "training loss", "test accuracy", "lowest", "highest", *reached]
    return table(
        headers, [_quality_row(contest, row) for row in contest.rows if row.trials], left=2
    )


def _quality_row(contest: Contest, row: Row) -> list[str]:
    last = [trained.epochs[-1] for trained in row.trials.values()]
    accuracies = [epoch.accuracy for epoch in last]
    return [
        contest.name(row),
        text(row.cell.device),
        mean_and_spread([epoch.loss for epoch in last]),
        mean_and_spread(accuracies),
        f"{min(accuracies):.4f}",
        f"{max(accuracies):.4f}",
        *(_seconds_to(row, accuracy) for accuracy in thresholds(row.workload)),
    ]


def _seconds_to(row: Row, accuracy: float) -> str:
    """Return the seconds from the start of a trial until it reached an accuracy."""
    seconds = typical_seconds(row, accuracy)
    return "not reached" if seconds is None else numbers.significant(seconds, 2)


def mean_and_spread(values: Sequence[float]) -> str:
    """Return "0.8876 ± 0.0012": mean and standard deviation; the value alone if there is one."""
    if len(values) == 1:
        return numbers.significant(values[0], 4)
    spread = stdev(values)
    places = min(6, numbers.decimals(spread))
    return f"{numbers.fixed(mean(values), places)} ± {numbers.fixed(spread, places)}"


def failures(rows: Sequence[Row]) -> str:
    """Return the failed trials with their reasons and last log lines, "" if there are none."""
    lines = []
    for row in rows:
        for number, failed in sorted(row.failures.items()):
            lines.append(
                f"- {text(row.cell.backend)} on {text(row.cell.device)}, {text(row.cell.variant)}, "
                f"round {number + 1}: {text(failed.kind)}: {text(failed.reason)}"
            )
            shown = filter(None, map(text, failed.log_tail[-3:]))  # "-" alone makes a heading
            lines += [f"  - {line}" for line in shown]
    return "\n".join(lines)
