"""`python -m bench run`: plan, prove, measure, report."""

import datetime
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

import click
from rich.console import Console

from bench import __version__, idx, machine, runner, scrub, unchanged
from bench.discovery import discover
from bench.lock import only_run
from bench.planning import Asked, plan
from bench.progress import show
from bench.records import MOST_ROUNDS, CannotSave, Proved, Run, Skipped, read_run, write_run
from bench.rows import rows_of
from bench.selection import Refused, check_pythons
from bench.session import Session, drawn_secret, step_runner, together_runner

ROOT = Path(__file__).parents[2]
ROOM_BYTES = 20_000_000  # that must be free: run file, tables and charts are far below


class Options(NamedTuple):
    """The options of the command."""

    backend: list[str]
    device: list[str]
    variant: list[str]
    rounds: int | None
    epochs: int | None
    train_samples: int | None
    test_samples: int | None
    threads: int | None
    timeout: float
    pythons: dict[str, str]
    until: float | None
    max_minutes: float
    quick: bool
    resume: Path | None
    reports: Path


def run(**given: object) -> int:
    """Carry out a run, new or resumed, and write the tables, whatever happens."""
    options = Options(**given)  # type: ignore[arg-type]
    idx.check(idx.data_folder())
    with only_run():
        session, path, record = (
            _resumed(options, options.resume) if options.resume else _planned(options)
        )
        save = _saver(path)
        save(record)
        console = Console(stderr=False)
        console.print(f"run file: {path}", highlight=False, soft_wrap=True)
        with _tables_afterwards(path):
            wants_more = _wants_more(options.until, options.max_minutes)
            events = runner.carry_out(
                record, step_runner(session, record.workloads), save, wants_more,
                together_runner(session, record.workloads),
            )  # fmt: skip
            with closing(events):  # which ends the children, if showing is interrupted
                record = show(events, record, console)
    return _exit_status(record)


@contextmanager
def _tables_afterwards(path: Path) -> Iterator[None]:
    """Write the tables whatever happened; if the run did not end, say how to go on with it."""
    try:
        yield
    except CannotSave:
        raise  # there would be no room for tables either
    except BaseException:  # Ctrl-C, a pipe that nobody reads any more, a defect of ours
        try:
            _report(path.parent.parent)
        finally:  # people press Ctrl-C more than once
            file = shlex.quote(str(path))
            _say(f"what is missing can be done later: python -m bench run --resume {file}")
        raise
    _report(path.parent.parent)


def _report(reports: Path) -> None:
    """Write tables and charts in a child: drawing takes memory that this process shall not."""
    arguments = ["-m", "bench", "report", "--reports", str(reports.resolve())]
    try:
        status = subprocess.run([sys.executable, *arguments], cwd=ROOT, check=False).returncode
    except KeyboardInterrupt:
        _say(f"the tables can be written later: {shlex.join(['python', *arguments])}")
        raise
    if status:
        raise CannotSave(f"the tables in {reports} could not be written: the reason stands above")


def _exit_status(record: Run) -> int:
    proved = [proof.result for proof in record.proofs if isinstance(proof.result, Proved)]
    failed = len(runner.failures(record)) + sum(not result.holds for result in proved)
    if failed:
        click.echo(f"{failed} of the proofs and trials failed: see the tables", err=True)
    return 1 if failed else 0


def _wants_more(until: float | None, max_minutes: float) -> Callable[[Run], bool]:
    """Return what says whether another round is needed to make every interval tight enough."""
    deadline = time.monotonic() + 60 * max_minutes

    def wants_more(record: Run) -> bool:
        if until is None or time.monotonic() > deadline or record.rounds >= MOST_ROUNDS:
            return False
        intervals = [row.interval for row in rows_of(record)]
        widths = [interval.half_width for interval in intervals if interval]
        return any(width is None or width > until for width in widths)

    return wants_more


def _session(options: Options, threads: int, secret: int | None, logs: Path) -> Session:
    backends = discover()
    check_pythons(options.pythons, backends)
    return Session(backends, threads, options.timeout, options.pythons, secret, logs)


def _planned(options: Options) -> tuple[Session, Path, Run]:
    """Return a new run: which backends on which devices do which workloads."""
    facts = machine.facts()
    created = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    stem = f"{created[:19].replace(':', '')}Z-{machine.slug(facts)}"
    path = _new_path(options.reports / "runs", stem)
    logs = options.reports / "logs" / path.stem
    session = _session(options, threads_for(options.threads), drawn_secret(), logs)
    asked = Asked(
        options.backend,
        options.device,
        options.variant,
        options.epochs or (3 if options.quick else None),
        options.train_samples,
        options.test_samples,
    )
    planned = plan(session, asked, _say)
    return session, path, Run(
        bench=__version__,
        created=created,
        command=_command(),
        machine=facts,
        threads=session.threads,
        secret=session.secret,
        rounds=options.rounds or (1 if options.quick else 5),
        workloads=planned.workloads,
        cells=planned.cells,
        backends=planned.described,
        skipped=tuple(Skipped(*item) for item in sorted(planned.skipped.items())),
    )  # fmt: skip


def _say(text: str) -> None:
    click.echo(text, err=True)


def threads_for(asked: int | None) -> int:
    """Return the number of threads, by default the physical cores; raise Refused if too many."""
    usable = machine.usable_cores(10**6)
    if asked and usable and asked > len(usable):
        raise Refused(
            f"--threads {asked} is more than this process may use; expected 1 to {len(usable)}: "
            "give fewer, or leave it out"
        )
    return asked or machine.physical_cores()


def _new_path(folder: Path, stem: str) -> Path:
    """Return the path of a new run file in a folder that can be written to and has room."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise CannotSave(
            f"{folder} cannot be used: {error}; expected a folder that can be written to: name "
            "another reports folder with --reports"
        ) from error
    if free < ROOM_BYTES:
        raise CannotSave(
            f"{folder} has {free:,} bytes left; expected {ROOM_BYTES:,}: make room, or name "
            "another folder with --reports"
        )
    paths = [folder / f"{stem}.json", *(folder / f"{stem}-{n}.json" for n in range(2, 100))]
    return next(path for path in paths if not path.exists())


def _saver(path: Path) -> Callable[[Run], None]:
    def save(record: Run) -> None:
        write_run(path, record)

    return save


def _command() -> str:
    """Return how to measure the same again; where the reports go is no part of that."""
    words = iter(sys.argv[1:])
    kept = [word for word in words if not (word == "--reports" and next(words, ""))]
    kept = [word for word in kept if not word.startswith("--reports=")]
    return scrub.clean(shlex.join(["python", "-m", "bench", *kept]))


def _resumed(options: Options, file: Path) -> tuple[Session, Path, Run]:
    """Return an earlier run to go on with; raise Refused if anything has changed since."""
    file = file.resolve()
    record = read_run(file)
    unchanged.check_surroundings(record, file)
    logs = file.parent.parent / "logs" / file.stem
    session = _session(options, record.threads, record.secret, logs)
    backends = list(dict.fromkeys(cell.backend for cell in record.cells))
    devices = list(dict.fromkeys(cell.device for cell in record.cells))
    described = plan(session, Asked(backends, devices, ["relu"]), _say).described
    unchanged.check_versions(record, file, described)
    return session, file, record
