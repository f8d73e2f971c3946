"""Run files: what is written is read again, what is damaged is named, nothing is half-written."""

import errno
import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from made import (
    make_cell,
    make_failed,
    make_floor,
    make_proof,
    make_proved,
    make_run,
    make_trained,
    make_trial,
    make_workload,
    with_result,
)
from msgspec import inspect

from bench.records import (
    MOST_BYTES,
    MOST_ROUNDS,
    MOST_ROWS,
    SCHEMA,
    BrokenRunFile,
    CannotSave,
    Described,
    Epoch,
    Failed,
    FloorOf,
    Machine,
    Moment,
    Proved,
    Run,
    Skipped,
    Trained,
    check_run,
    read_run,
    write_run,
)
from bench.workload import RMSprop, Workload


def numbers(kind: inspect.FloatType) -> some.SearchStrategy[float]:
    """Return a strategy for the numbers of a type."""
    least = kind.ge if kind.gt is None else kind.gt * 2
    most = kind.le if kind.lt is None else kind.lt / 2
    return some.floats(least, most, allow_nan=False, allow_infinity=False)


def texts(kind: inspect.StrType) -> some.SearchStrategy[str]:
    """Return a strategy for the texts of a type; the only pattern there is that of times."""
    if kind.pattern:
        return some.just("2026-01-02T03:04:05+00:00")
    return some.text(min_size=kind.min_length or 0, max_size=min(kind.max_length or 20, 20))


def records(kind: inspect.StructType) -> some.SearchStrategy[Any]:
    """Return a strategy for the records of a type."""
    return some.builds(kind.cls, **{field.name: values(field.type) for field in kind.fields})


VALUES: dict[type, Callable[[Any], some.SearchStrategy[Any]]] = {
    inspect.NoneType: lambda kind: some.none(),
    inspect.BoolType: lambda kind: some.booleans(),
    inspect.IntType: lambda kind: some.integers(
        -(2**53) if kind.ge is None else kind.ge, 2**53 if kind.le is None else kind.le
    ),
    inspect.FloatType: numbers,
    inspect.StrType: texts,
    inspect.LiteralType: lambda kind: some.sampled_from(kind.values),
    inspect.VarTupleType: lambda kind: some.lists(values(kind.item_type), max_size=3).map(tuple),
    inspect.TupleType: lambda kind: some.tuples(*map(values, kind.item_types)),
    inspect.DictType: lambda kind: some.dictionaries(
        values(kind.key_type), values(kind.value_type), max_size=3
    ),
    inspect.UnionType: lambda kind: some.one_of(*map(values, kind.types)),
    inspect.StructType: records,
}


def values(kind: inspect.Type) -> some.SearchStrategy[Any]:
    """Return a strategy for everything that a type of msgspec allows."""
    return VALUES[type(kind)](kind)


def any_of(made: Any) -> some.SearchStrategy[Any]:
    """Return a strategy for all records of a type."""
    return values(inspect.type_info(made))


NAMES = some.text(min_size=1, max_size=20)
WORKLOADS = any_of(Workload)
TRAINED, PROVED = any_of(Trained | Failed), any_of(Proved | Failed)
MOMENTS, EPOCHS = any_of(Moment), any_of(Epoch)
PARTS = some.fixed_dictionaries({
    "machine": any_of(Machine),
    "command": some.text(),
    "backends": some.dictionaries(NAMES, any_of(Described), max_size=2),
    "skipped": some.lists(any_of(Skipped), max_size=2).map(tuple),
    "floors": some.lists(any_of(FloorOf), max_size=1).map(tuple),
})  # fmt: skip


@some.composite
def works(draw: some.DrawFn) -> Workload:
    """Return any workload of a few epochs."""
    few = {"variant": draw(NAMES), "epochs": draw(some.integers(1, 3))}
    return msgspec.structs.replace(draw(WORKLOADS), **few)


@some.composite
def results(draw: some.DrawFn, work: Workload) -> Trained | Failed:
    """Return any result of a trial of the workload."""
    result = draw(TRAINED)
    if isinstance(result, Failed):
        return result
    epochs = tuple(draw(some.lists(EPOCHS, min_size=work.epochs, max_size=work.epochs)))
    return msgspec.structs.replace(result, epochs=epochs)


@some.composite
def runs(draw: some.DrawFn) -> Run:
    """Return any run whose parts fit together."""
    cells = {make_cell(draw(NAMES), draw(NAMES), work): work
             for work in draw(some.lists(works(), min_size=1, max_size=2))}  # fmt: skip
    trials = [make_trial(cell, 3, draw(results(work)), moment=draw(MOMENTS))
              for cell, work in cells.items()]  # fmt: skip
    return make_run(
        {},
        workloads={work.fingerprint: work for work in cells.values()},
        cells=tuple(cells),
        proofs=tuple(make_proof(cell, draw(PROVED)) for cell in cells),
        trials=tuple(trials),
        **draw(PARTS),
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where a run file is to be."""
    return tmp_path / "a run.json"


@pytest.fixture
def saved(path: Path) -> dict[str, Any]:
    """Write a sound run and return it as plain JSON."""
    write_run(path, make_run(skipped=(Skipped("jax", "not installed"),)))
    return json.loads(path.read_text())


@settings(max_examples=25)
@given(run=runs())
def test_what_is_written_is_read_again(tmp_path: Path, run: Run) -> None:
    """Every run that can be written is read as it was, to the last bit of every number."""
    path = tmp_path / "run.json"
    write_run(path, run)
    assert read_run(path) == run


def test_all_kinds_of_outcomes_are_read_again(path: Path) -> None:
    """Proved and failed, trained and failed, floors and optimizers keep their types."""
    run = make_run({"numpy": [0.25], "torch": [0.3]})
    cell = run.cells[0]
    changed = msgspec.structs.replace(
        run,
        trials=(*run.trials, make_trial(cell, 1, make_failed("killed", "ended", "log"))),
        floors=(FloorOf("cpu", cell.workload, make_floor()),),
    )
    write_run(path, changed)
    assert read_run(path) == changed


def test_a_run_file_is_text_that_a_person_can_read_and_compare(path: Path) -> None:
    """One value a line, in UTF-8, ending with a line break."""
    run = make_run(command="python -m bench run --reports Übung")
    write_run(path, run)
    content = path.read_text(encoding="utf-8")
    assert "Übung" in content
    assert content.endswith("}\n")
    assert len(content.splitlines()) > 100


def replaced(content: dict[str, Any], place: str, value: Any) -> bytes:
    """Return JSON with the value at a dotted place replaced."""
    *parents, last = place.split(".")
    at: Any = content
    for name in parents:
        at = at[int(name)] if isinstance(at, list) else at[name]
    at[last] = value
    return json.dumps(content).encode()


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("more", 1),
        ("machine.hostname", "box"),
        ("trials.0.result.more", 1),
        ("trials.0.result.epochs.0.more", 1),
        ("trials.0.result.epochs.0.seconds", "0.25"),
        ("trials.0.result.epochs.0.seconds", -0.25),
        ("trials.0.result.epochs.0.seconds", 0),
        ("trials.0.result.epochs.0.seconds", None),
        ("trials.0.result.epochs.0.accuracy", 1.5),
        ("trials.0.result.epochs", {}),
        ("trials.0.result.type", "imagined"),
        ("trials.0.result", None),
        ("trials.0.cell.backend", "unplanned"),
        ("trials", {}),
        ("trials", None),
        ("proofs.0.result.loss_limit", "no limit"),
        ("cells.0.workload", "000000000000"),
        (f"workloads.{make_cell().workload}", {"variant": "relu"}),
        ("workloads", {}),
        ("created", "<script>"),
        ("rounds", -1),
        ("threads", 1.5),
        ("command", ["python"]),
    ],
)  # fmt: skip
def test_a_wrong_value_is_named_with_its_file(
    path: Path, saved: dict[str, Any], place: str, value: Any
) -> None:
    """Unknown fields, other types, impossible numbers and parts that do not fit are refused."""
    path.write_bytes(replaced(saved, place, value))
    with pytest.raises(BrokenRunFile, match=r"a run\.json is not a run file: .*expected"):
        read_run(path)


def test_a_file_of_an_earlier_schema_is_read(path: Path, saved: dict[str, Any]) -> None:
    """What schema 1 did not have is absent; saved again, the file is of today's schema."""
    for trial in saved["trials"]:
        trial["result"].pop("between_seconds", None)
    for floor in saved["floors"]:
        del floor["round"]
    path.write_bytes(replaced(saved, "schema", 1))
    run = read_run(path)
    trained = [trial.result for trial in run.trials if isinstance(trial.result, Trained)]
    assert {result.between_seconds for result in trained} == {None}
    write_run(path, run)
    assert read_run(path).schema == SCHEMA


@pytest.mark.parametrize("schema", [SCHEMA + 1, 0, -1, None, "1", 1.0, True, [], 10**30])
def test_another_schema_is_refused(path: Path, saved: dict[str, Any], schema: Any) -> None:
    """A file of a newer version is named as such before anything else is looked at."""
    path.write_bytes(replaced(saved | {"more": 1}, "schema", schema))
    with pytest.raises(BrokenRunFile, match=r"a run\.json"):
        read_run(path)


def test_a_newer_schema_is_said_to_be_newer(path: Path, saved: dict[str, Any]) -> None:
    """The message tells which schemas are read, and to update the program."""
    path.write_bytes(replaced(saved, "schema", SCHEMA + 1))
    with pytest.raises(BrokenRunFile, match=f"schema {SCHEMA + 1}; .*update the program"):
        read_run(path)


@pytest.mark.parametrize(
    "content",
    [
        b"", b"\0", b"null", b"1", b'"text"', b"[]", b"{}", b"[{}]", b'{"schema": 1}', b"not JSON",
        b'{"name": "package", "version": "1.0"}', b"\xff\xfe{}", b'{"schema": "\xff"}',
        b'{"schema": NaN}', b'{"schema": 1e999}', b'{"a": 1e999, "schema": 1}',
        b'{"schema": ' + b"9" * 10_000 + b"}", b"[" * 100_000, b"[" * 100_000 + b"]" * 100_000,
        b'{"schema": 1, "trials": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        b'{"schema": "\\ud800"}', b'{"schema": 1, "schema": 2}',
    ],
)  # fmt: skip
def test_foreign_files_are_named(path: Path, content: bytes) -> None:
    """Whatever lies in the folder of the runs, the answer is BrokenRunFile with its name."""
    path.write_bytes(content)
    with pytest.raises(BrokenRunFile, match=r"a run\.json"):
        read_run(path)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999", "1e308"])
@pytest.mark.parametrize("name", ["seconds", "loss", "accuracy"])
def test_numbers_that_are_none_are_refused(path: Path, name: str, number: str) -> None:
    """Neither NaN nor an infinity, however it is written, gets into a table."""
    write_run(path, make_run({"numpy": [0.25]}))
    lines = path.read_text().splitlines()
    at = next(i for i, line in enumerate(lines) if f'"{name}":' in line)
    lines[at] = f'"{name}": {number},'
    path.write_text("\n".join(lines))
    with pytest.raises(BrokenRunFile, match=r"a run\.json"):
        read_run(path)


@given(share=some.floats(0, 1, exclude_max=True))
def test_a_truncated_file_is_refused(tmp_path: Path, share: float) -> None:
    """Wherever a file was cut off, it is no run file."""
    path = tmp_path / "cut.json"
    content = msgspec.json.encode(make_run({"numpy": [0.25]}))
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(BrokenRunFile, match=r"cut\.json"):
        read_run(path)


@given(at=some.floats(0, 1, exclude_max=True), junk=some.binary(min_size=1, max_size=4))
def test_damage_raises_nothing_else(tmp_path: Path, at: float, junk: bytes) -> None:
    """A file with some bytes overwritten is read as a run or refused, never anything else."""
    path = tmp_path / "damaged.json"
    content = bytearray(msgspec.json.encode(make_run({"numpy": [0.25]})))
    position = int(at * len(content))
    content[position : position + len(junk)] = junk
    path.write_bytes(content)
    try:
        assert isinstance(read_run(path), Run)
    except BrokenRunFile as error:
        assert "damaged.json" in str(error)  # noqa: PT017 - both outcomes are right


def test_a_file_that_cannot_be_read_is_named(path: Path) -> None:
    """A folder and a file that is not there are no run files."""
    with pytest.raises(BrokenRunFile, match=r"a run\.json"):
        read_run(path)
    path.mkdir()
    with pytest.raises(BrokenRunFile, match=r"a run\.json"):
        read_run(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_what_never_ends_is_not_read(path: Path, tmp_path: Path) -> None:
    """A pipe, on which a reader waits for ever, and a link to a device are no run files."""
    os.mkfifo(path)
    endless = tmp_path / "endless.json"
    endless.symlink_to("/dev/zero")
    for strange in (path, endless):
        with pytest.raises(BrokenRunFile, match="a pipe or a device"):
            read_run(strange)


def test_a_file_too_large_is_not_read(path: Path) -> None:
    """A file that would fill the memory is named with its size."""
    with path.open("wb") as file:
        file.truncate(MOST_BYTES + 1)
    with pytest.raises(BrokenRunFile, match="200,000,001 bytes"):
        read_run(path)


@pytest.mark.parametrize(
    ("place", "value"),
    [("rounds", MOST_ROUNDS + 1), ("trials.0.round", 10**9), ("command", "x" * 10_001),
     ("machine.cpu_model", "x" * 10_001), ("machine.gpus", [{"name": "x"}] * 101),
     ("cells", [{"backend": "x"}] * (MOST_ROWS + 1)), ("x" * 10**6, 1)],
)  # fmt: skip
def test_what_would_never_be_done_is_refused(
    path: Path, saved: dict[str, Any], place: str, value: Any
) -> None:
    """More rounds, rows and letters than any run has would take hours and fill every page."""
    path.write_bytes(replaced(saved, place, value))
    with pytest.raises(BrokenRunFile, match=r"a run\.json") as refused:
        read_run(path)
    assert len(str(refused.value)) < 1000


def test_a_workload_must_have_its_own_fingerprint() -> None:
    """A run file in which somebody changed the workload by hand is found out."""
    run = make_run()
    forged = {name: msgspec.structs.replace(work, optimizer=RMSprop())
              for name, work in run.workloads.items()}  # fmt: skip
    with pytest.raises(ValueError, match="has the fingerprint"):
        check_run(msgspec.structs.replace(run, workloads=forged))


@pytest.mark.parametrize("epochs", [0, 2, 4])
def test_a_trial_must_have_the_epochs_of_its_workload(epochs: int) -> None:
    """A trial of fewer or more epochs than its workload says cannot be compared with others."""
    run = make_run({"numpy": [0.25]})
    with pytest.raises(ValueError, match="epochs"):
        check_run(with_result(run, "numpy", make_trained(epochs=epochs)))


@pytest.mark.parametrize(
    "change",
    [{"epochs": 0}, {"batch_size": 0}, {"batch_size": -1}, {"train_samples": 0},
     {"train_samples": -5}, {"test_samples": 0}, {"hidden": (0,)}, {"hidden": (-1,)},
     {"hidden": (10**400,)}, {"hidden": (1,) * 101}, {"dropout": -1.0}, {"dropout": 1.0}],
)  # fmt: skip
def test_a_workload_that_cannot_be_done_is_refused(path: Path, change: dict[str, Any]) -> None:
    """No samples, no epochs, no batches and impossible layers are no work."""
    work = make_workload(**change)
    path.write_bytes(msgspec.json.encode(make_run({"numpy": [0.25]}, work)))
    with pytest.raises(BrokenRunFile, match=r"a run\.json"):
        read_run(path)


def fail(code: int) -> Callable[..., None]:
    """Return a function that fails as a call of the system does."""

    def failing(*arguments: object, **options: object) -> None:
        raise OSError(code, os.strerror(code))

    return failing


@pytest.mark.parametrize("call", ["os.fsync", "os.replace", "os.chmod"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EACCES])
def test_if_saving_fails_the_old_file_is_unharmed(
    path: Path, monkeypatch: pytest.MonkeyPatch, call: str, code: int
) -> None:
    """The message says why and what to do; nothing temporary is left behind."""
    old = make_run({"numpy": [0.25]})
    write_run(path, old)
    with monkeypatch.context() as broken:
        broken.setattr(call, fail(code))
        with pytest.raises(CannotSave, match=r"a run\.json cannot be saved: .*unharmed: make room"):
            write_run(path, make_run())
    assert read_run(path) == old
    assert list(path.parent.iterdir()) == [path]


def test_an_interruption_while_saving_leaves_the_old_file(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C in the middle of saving is handed on, the old file stands, nothing is left behind."""

    def interrupt(handle: int) -> None:
        raise KeyboardInterrupt

    old = make_run({"numpy": [0.25]})
    write_run(path, old)
    with monkeypatch.context() as broken:
        broken.setattr("os.fsync", interrupt)
        with pytest.raises(KeyboardInterrupt):
            write_run(path, make_run())
    assert read_run(path) == old
    assert list(path.parent.iterdir()) == [path]


def test_a_folder_that_is_gone_is_said(path: Path) -> None:
    """Saving into a folder that somebody removed raises CannotSave."""
    with pytest.raises(CannotSave, match="name another folder"):
        write_run(path.parent / "gone" / path.name, make_run())


def test_a_saved_file_can_be_read_by_others(path: Path) -> None:
    """A run file is meant to be shared: its mode is 0644."""
    write_run(path, make_run())
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


@pytest.mark.parametrize(
    ("change", "holds"),
    [
        ({}, True),
        ({"loss_deviation": 2e-6, "parameter_deviation": 1e-4}, True),
        ({"loss_deviation": 2.1e-6}, False),
        ({"parameter_deviation": 1.1e-4}, False),
        ({"mistakes": ("dropout is on in prediction",)}, False),
        ({"loss_deviation": float("nan")}, False),
        ({"parameter_deviation": float("nan")}, False),
    ],
)
def test_a_proof_holds_within_both_limits(change: dict[str, Any], holds: bool) -> None:
    """A deviation at its limit is within it; NaN never is."""
    assert make_proved(**change).holds is holds
