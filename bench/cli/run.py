"""`python -m bench run`: plan, verify, measure, report."""

import datetime
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

import click
import msgspec
from rich.console import Console

from bench import ROOT, __version__, machine
from bench.cli import ending, until
from bench.cli.run_file import command_line, new_path, stem_of
from bench.results.quantities import counted
from bench.results.records import Run, Skipped
from bench.results.store import CannotSave, read_run, write_run
from bench.run import resume, schedule
from bench.run.backends import discover
from bench.run.choices import Refused, check_pythons
from bench.run.environment import dropped
from bench.run.estimate import DESCRIBED_SECONDS, Estimate, verification_seconds
from bench.run.executor import Session
from bench.run.groups import grouped, missing_stages
from bench.run.lock import only_run
from bench.run.plan import Request, plan, threads_for
from bench.run.progress import in_words, show
from bench.workload import mnist

PLAIN_WIDTH = 200  # columns where there is no terminal: no table is wider
# Rounds and the epochs that each times beyond the workload's: see docs/method.md.
ROUNDS, EXTRA_EPOCHS = DEFAULT = 4, 2
QUICK = 1, 8
SWEEP, QUICK_SWEEP = (3, 0), (1, 3)  # its points share what a round costs
LONG_SECONDS = 3600  # beyond which a person is asked


def write_tables(reports: Path) -> None:
    """Write tables and charts in a child: drawing takes memory that this process shall not."""
    command = [sys.executable, "-m", "bench", "report", "--reports", str(reports.resolve())]
    done = subprocess.run(command, cwd=ROOT, check=False, stdout=subprocess.DEVNULL)
    if done.returncode:
        raise CannotSave(f"the tables in {reports} could not be written: the reason stands above")


class Settings(NamedTuple):
    """How a run is carried out; what it consists of is a Request."""

    timeout: float  # seconds that a child may be at work
    pythons: dict[str, str]  # backend -> interpreter
    until: float | None  # half-width of every ratio to the fastest row, as a fraction
    max_minutes: float
    reports: Path
    rounds: int = ROUNDS
    extra_epochs: int = EXTRA_EPOCHS  # of every round
    together: int | None = None  # so many take turns; None: as many as fit, on the CPU
    threads: int | None = None  # None: the fast cores
    keep: Sequence[str] = ()  # names of variables that children inherit besides
    yes: bool = False  # start whatever it will take
    label: str | None = None  # of this machine among others of its kind
    fleet: str | None = None  # that it is measured for
    tables: Callable[[Path], object] = write_tables  # of a reports folder, when the run ends

    def session(self, threads: int, logs: Path, kept: Mapping[str, str]) -> Session:
        """Return what all children have in common; raise Refused for an unknown backend."""
        backends = discover()
        check_pythons(self.pythons, backends)
        return Session(
            backends,
            threads,
            self.timeout,
            self.pythons,
            logs,
            self.together,
            kept=kept,
        )


def run(request: Request, settings: Settings) -> int:
    """Carry out a new run and write the tables, whatever happens; return the exit status."""
    mnist.check(mnist.data_folder())
    with only_run():
        facts = machine.describe()
        created = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        path = new_path(settings.reports / "runs", stem_of(created, facts, settings.label))
        try:
            threads = threads_for(settings.threads)
            kept = _inherited(settings.keep)
            session = settings.session(threads, settings.reports / "logs" / path.stem, kept)
            request = request._replace(multiplies_bfloat16=facts.multiplies_bfloat16)
            before = _seconds_of_children()
            planned = plan(session, request, _say)
            described = (_seconds_of_children() - before) / len(planned.backends)
            drivers, facts = facts, machine.with_accelerators(facts, planned.accelerators)
            if machine.slug(facts) != machine.slug(drivers):  # only now it is known what is there
                stem = stem_of(created, facts, settings.label)
                path = path.replace(new_path(path.parent, stem))
                session = settings.session(threads, settings.reports / "logs" / path.stem, kept)
            record = Run(
                bench=__version__,
                created=created,
                command=command_line(sys.argv[1:]),
                machine=facts,
                label=settings.label,
                fleet=settings.fleet,
                threads=threads,
                rounds=settings.rounds,
                extra_epochs=settings.rounds * (settings.extra_epochs,),
                together=settings.together,
                dropped=tuple(dropped(settings.keep)),
                kept=kept,
                skipped=tuple(Skipped(*item) for item in sorted(planned.skipped.items())),
                **planned.fields,
            )
            _say_plan(record, settings, described / DESCRIBED_SECONDS or 1.0)
        except BaseException:
            path.unlink()
            raise
        return _carry_out(record, path, session, settings)


def _inherited(names: Sequence[str]) -> dict[str, str]:
    """Return variables of this shell; raise Refused if one is not set."""
    for name in names:
        if name not in os.environ:
            raise Refused(
                f"--keep-env: no variable {name!r} is set in this shell; expected the name of one "
                "that is: set it, or leave it out"
            )
    return {name: os.environ[name] for name in names}


def usual(*, quick: bool, sweep: bool) -> tuple[int, int]:
    """Return how many rounds a run has unless told otherwise, and the extra epochs of each."""
    if sweep:
        return QUICK_SWEEP if quick else SWEEP
    return QUICK if quick else DEFAULT


def _seconds_of_children() -> float:
    """Return the processor time of all children that have ended; 0 where nobody counts it."""
    times = os.times()
    return times.children_user + times.children_system


def _say_plan(record: Run, settings: Settings, starting: float) -> None:
    """Say what will be done and how long it may take; raise Refused if that is too long."""
    groups = grouped(record, settings.together, None)
    rounds = Estimate(msgspec.structs.replace(record, groups=groups), starting)
    seconds = verification_seconds(record, starting) + rounds.seconds_left
    points = len({(case.workload, case.threads) for case in record.cases})
    counts = {"point": points, "case": len(record.cases), "round": record.rounds}
    words = [counted(count, what) for what, count in counts.items()]
    share, most = settings.until, f"at most {settings.max_minutes:g} min"
    more = f", then more rounds until ± {100 * share:g} %, for {most}" if share else ""
    _say(f"{', '.join(words)}: {in_words(seconds)}{more}")
    if seconds > LONG_SECONDS and sys.stdout.isatty() and not settings.yes:
        raise Refused(
            f"the run would take {in_words(seconds)}; expected at most an hour unless told "
            "otherwise: name fewer values, backends or variants, take --quick, or add --yes"
        )


def finish(file: Path, settings: Settings) -> int:
    """Do what is missing of an earlier run; raise Refused if anything has changed since."""
    mnist.check(mnist.data_folder())
    with only_run():
        file = file.resolve()
        record = read_run(file)
        facts = machine.describe()
        resume.check_machine(record, file, facts)
        resume.check_images(record, file)
        settings = settings._replace(together=record.together)
        logs = file.parent.parent / "logs" / file.stem
        session = settings.session(record.threads, logs, record.kept)
        backends = list(dict.fromkeys(case.backend for case in record.cases))
        devices = list(dict.fromkeys(str(case.device) for case in record.cases))
        planned = plan(session, Request(backends, devices, ["relu"]), _say)
        facts = machine.with_accelerators(facts, planned.accelerators)
        resume.check_accelerators(record, file, facts)
        resume.check_versions(record, file, planned.backends, planned.sources)
        if not schedule.missing_verifications(record) and not any(missing_stages(record)):
            _say(f"{file.name} is complete: there is nothing left to do")
        return _carry_out(record, file, session, settings)


def _carry_out(record: Run, path: Path, executor: schedule.Executor, settings: Settings) -> int:
    """Do what is missing of a run, saving as it goes, and show what came of it."""

    def save(run: Run) -> None:
        write_run(path, run)

    save(record)
    console = Console(width=None if sys.stdout.isatty() else PLAIN_WIDTH)
    console.print(f"run file: {path}", highlight=False, soft_wrap=True)
    wants_more = until.wants_more(settings.until, settings.max_minutes, EXTRA_EPOCHS)
    events = schedule.carry_out(record, executor, save, wants_more)
    # Closing the events ends the children, if showing them is interrupted.
    reports = path.parent.parent
    with _resumable(path, lambda: settings.tables(reports)):
        with closing(events):
            record = show(events, record, console)
        settings.tables(reports)
    ending.show(record, reports, console)
    return 0 if ending.is_sound(record) else 1


@contextmanager
def _resumable(path: Path, write_tables: Callable[[], object]) -> Iterator[None]:
    """If a run does not come to its end, write the tables so far and say how to finish it."""
    try:
        yield
    except CannotSave:
        raise  # there would be no room for tables either
    except BaseException:  # Ctrl-C, a pipe that nobody reads any more, a defect of ours
        try:
            write_tables()
        finally:  # people press Ctrl-C more than once
            options = shlex.join(["--resume", str(path), *resume.options_in(sys.argv[1:])])
            _say(f"the run is not finished; finish it with: python -m bench run {options}")
        raise


def _say(text: str) -> None:
    click.echo(text, err=True)
