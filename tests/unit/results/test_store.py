"""Run files: what is written is read again, what is damaged is named, nothing is half-written."""

import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from made import make_case, make_run, make_trained, with_result
from msgspec import inspect

from bench.results.records import (
    MOST_CASES,
    MOST_ROUNDS,
    OLDEST,
    SCHEMA,
    Case,
    Epoch,
    Failed,
    Run,
    Trained,
    Trial,
    Verification,
)
from bench.results.store import BrokenRunFile, CannotSave, check_run, read_run, write_run
from bench.workload import Axis, Workload

TIME = "2026-01-02T03:04:05+00:00"


def texts(kind: inspect.StrType) -> some.SearchStrategy[str]:
    if kind.pattern:
        return some.sampled_from(["cpu", "cuda", "mps"])  # times, the other ones, are given
    return some.text(min_size=kind.min_length or 0, max_size=5)


def records(kind: inspect.StructType, **given: Any) -> some.SearchStrategy[Any]:
    """Return a strategy for the records of a type that have the given values."""
    drawn = {one.name: values(one.type) for one in kind.fields if one.name not in given}
    return some.builds(kind.cls, **drawn, **{name: some.just(one) for name, one in given.items()})


VALUES: dict[type, Callable[[Any], some.SearchStrategy[Any]]] = {
    inspect.NoneType: lambda kind: some.none(),
    inspect.BoolType: lambda kind: some.booleans(),
    inspect.IntType: lambda kind: some.integers(
        -(2**53) if kind.ge is None else kind.ge, 2**53 if kind.le is None else kind.le
    ),
    inspect.FloatType: lambda kind: some.floats(
        kind.gt if kind.ge is None else kind.ge, kind.lt if kind.le is None else kind.le,
        exclude_min=kind.gt is not None, exclude_max=kind.lt is not None,
        allow_nan=False, allow_infinity=False,
    ),
    inspect.StrType: texts,
    inspect.LiteralType: lambda kind: some.sampled_from(kind.values),
    inspect.VarTupleType: lambda kind: some.lists(
        values(kind.item_type), min_size=kind.min_length or 0, max_size=1
    ).map(tuple),
    inspect.TupleType: lambda kind: some.tuples(*map(values, kind.item_types)),
    inspect.DictType: lambda kind: some.dictionaries(
        values(kind.key_type), values(kind.value_type), max_size=1
    ),
    inspect.UnionType: lambda kind: some.one_of(*map(values, kind.types)),
    inspect.StructType: records,
}  # fmt: skip


def values(kind: inspect.Type) -> some.SearchStrategy[Any]:
    """Return a strategy for everything that a type of msgspec allows."""
    return VALUES[type(kind)](kind)


@some.composite
def runs(draw: some.DrawFn) -> Run:
    """Return any run of one row whose parts fit together."""

    def any_of(made: Any, **given: Any) -> Any:
        return draw(records(inspect.type_info(made), **given))

    work = any_of(Workload, epochs=1)
    case = any_of(Case, workload=work.fingerprint)
    trained, failed = any_of(Trained, epochs=(any_of(Epoch),)), any_of(Failed)
    result = draw(some.sampled_from([trained, failed]))
    return any_of(
        Run,
        schema=SCHEMA,
        created=TIME,
        workloads={work.fingerprint: work},
        cases=(case,),
        groups=((case,),),
        axes=(any_of(Axis, name="width"),),
        verifications=(any_of(Verification, case=case),),
        trials=(any_of(Trial, case=case, started=TIME, result=result),),
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where a run file is to be."""
    return tmp_path / "a run.json"


@pytest.fixture
def saved(path: Path) -> dict[str, Any]:
    """Write a sound run and return it as plain JSON."""
    write_run(path, make_run())
    return json.loads(path.read_text())


def refusal(path: Path, content: bytes) -> str:
    """Return what is said of a file of this content, which names it."""
    path.write_bytes(content)
    with pytest.raises(BrokenRunFile, match=r"a run\.json") as refused:
        read_run(path)
    return str(refused.value)


@settings(max_examples=20)
@given(run=runs())
def test_what_is_written_is_read_again(tmp_path: Path, run: Run) -> None:
    """Every run that can be written is read as it was, to the last bit of every number."""
    path = tmp_path / "run.json"
    write_run(path, run)
    assert read_run(path) == run


def test_a_run_file_is_text_that_a_person_can_read_and_compare(path: Path) -> None:
    """One value a line, in UTF-8, ending with a line break."""
    write_run(path, make_run(command="python -m bench run --reports Übung"))
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
    [("more", 1), ("machine.hostname", "box"), ("created", "<script>"), ("command", ["python"]),
     ("rounds", -1), ("rounds", MOST_ROUNDS + 1), ("threads", 1.5), ("workloads", {}),
     ("cases", [{"backend": "x"}] * (MOST_CASES + 1)), ("trials", None), ("command", "x" * 10_001),
     (f"workloads.{make_case().workload}", {"activation": "sigmoid"}),
     (f"workloads.{make_case().workload}.batch_size", 0),
     ("trials.0.case.backend", "unplanned"), ("trials.0.result.type", "imagined"),
     ("trials.0.result.epochs.0.more", 1), ("trials.0.result.epochs.0.seconds", "0.25"),
     ("trials.0.result.epochs.0.seconds", 0), ("trials.0.result.epochs.0.seconds", float("nan")),
     ("trials.0.result.epochs.0.accuracy", 1.5), ("x" * 10**6, 1)],
)  # fmt: skip
def test_a_wrong_value_is_named_with_its_file(
    path: Path, saved: dict[str, Any], place: str, value: Any
) -> None:
    """Unknown fields, other types, impossible numbers and parts that do not fit are refused."""
    message = refusal(path, replaced(saved, place, value))
    assert "a run.json is not a run file: " in message
    assert "; expected what `python -m bench run` writes" in message
    assert len(message) < 1000


@pytest.mark.parametrize(
    ("schema", "remedy"),
    [(OLDEST - 1, "read it with version 0.1, which wrote it, or measure again"),
     (SCHEMA + 1, "update the program"), ("4", "update the program")],
)  # fmt: skip
def test_another_schema_is_refused_with_what_to_do(
    path: Path, saved: dict[str, Any], schema: Any, remedy: str
) -> None:
    message = refusal(path, replaced(saved | {"more": 1}, "schema", schema))
    assert f"has schema {schema!r}; this version reads schema 4: {remedy}" in message


@pytest.mark.parametrize(
    "content",
    [b"", b"null", b"[{}]", b"{}", b'{"schema": 4}', b"not JSON", b"\xff\xfe{}",
     b'{"schema": NaN}', b'{"a": 1e999, "schema": 4}', b'{"schema": "\\ud800"}',
     b"[" * 100_000, b'{"schema": 4, "trials": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"],
)  # fmt: skip
def test_foreign_files_are_named(path: Path, content: bytes) -> None:
    refusal(path, content)


def test_what_has_no_schema_is_no_run_file(path: Path) -> None:
    assert "a run.json is not a run file: it has no schema; " in refusal(path, b'{"a": 1}')


@settings(max_examples=30)
@given(
    at=some.floats(0, 1), gone=some.integers(0, 4) | some.just(10**6), junk=some.binary(max_size=4)
)
def test_a_damaged_file_is_read_or_refused_and_nothing_else(
    path: Path, at: float, gone: int, junk: bytes
) -> None:
    content = bytearray(msgspec.json.encode(make_run({"numpy": [0.25]})))
    position = int(at * len(content))
    content[position : position + gone] = junk
    path.write_bytes(content)
    try:
        assert isinstance(read_run(path), Run)
    except BrokenRunFile as error:
        assert "a run.json" in str(error)  # noqa: PT017 - both outcomes are right


def test_a_file_that_is_not_there_or_a_folder_is_named(path: Path) -> None:
    for strange in (path, path.parent):
        with pytest.raises(BrokenRunFile, match=f"{strange.name} is not a run file: "):
            read_run(strange)


@pytest.mark.parametrize(
    ("part", "problem"),
    [("cases", "a row is planned twice"), ("trials", "a trial has two outcomes"),
     ("verifications", "a verification has two outcomes")],
)  # fmt: skip
def test_nothing_is_there_twice(part: str, problem: str) -> None:
    run = make_run()
    doubled = {part: 2 * getattr(run, part)}
    with pytest.raises(ValueError, match=problem):
        check_run(msgspec.structs.replace(run, **doubled))


@pytest.mark.parametrize(
    ("part", "problem"),
    [({"axes": (Axis("colour", (1, 2)),)}, "there is no axis 'colour'"),
     ({"groups": ((),)}, "a group has no cases")],
)  # fmt: skip
def test_what_no_page_could_show_is_no_run(part: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        check_run(msgspec.structs.replace(make_run(), **part))


@pytest.mark.parametrize("epochs", [2, 4])
def test_a_trial_must_have_the_epochs_of_its_workload(epochs: int) -> None:
    run = make_run({"numpy": [0.25]})
    with pytest.raises(ValueError, match=f"numpy has {epochs} epochs, its workload 3"):
        check_run(with_result(run, "numpy", make_trained(epochs=epochs)))


@pytest.fixture
def limited_file_size() -> Any:
    """Let no file become larger than 1,000 bytes: a disk without room."""
    resource = pytest.importorskip("resource", reason="this system has no such limit")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_if_there_is_no_room_the_old_file_is_unharmed(path: Path, limited_file_size: None) -> None:
    path.write_text("old")
    with pytest.raises(CannotSave, match=r"a run\.json cannot be saved: .*unharmed: make room"):
        write_run(path, make_run())
    assert path.read_text() == "old"
    assert list(path.parent.iterdir()) == [path], "nothing temporary is left behind"


def test_a_folder_that_is_gone_is_said(path: Path) -> None:
    with pytest.raises(CannotSave, match="name another folder"):
        write_run(path.parent / "gone" / path.name, make_run())


def test_a_saved_file_can_be_read_by_others(path: Path) -> None:
    """A run file is meant to be shared."""
    write_run(path, make_run())
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
