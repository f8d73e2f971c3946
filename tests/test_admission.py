"""The gate for results that others send: an honest one passes, every doubt is named."""

import os
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from bench import admission, proof
from bench.cli import main
from bench.inputs import inputs_hash, read_raw
from bench.records import BrokenRunFile, Run, Trained, read_run, write_run
from bench.workload import VARIANTS, workload_for
from tests.made import (
    make_epoch,
    make_failed,
    make_honest_run,
    make_honest_trained,
    make_proved,
    make_run,
    with_proof,
    with_result,
)

WORK = workload_for("relu", "cpu")


def test_an_honest_run_has_no_findings() -> None:
    """A complete, proved, plausible run of the standard workload is accepted."""
    assert admission.findings(make_honest_run()) == []


def test_one_slow_trial_of_many_is_no_finding() -> None:
    """What counts is how well the seconds are known: it does not get harder with more rounds."""
    seconds = [0.24 + 0.001 * number for number in range(20)]
    seconds[7] = 0.40
    assert admission.findings(make_honest_run(["numpy"], seconds)) == []


def spoiled(spoil: Callable[[Trained], Trained]) -> Run:
    return with_result(make_honest_run(), "torch", spoil(make_honest_trained()), round=1)


def with_last(**changes: float) -> Run:
    def spoil(trained: Trained) -> Trained:
        last = msgspec.structs.replace(trained.epochs[-1], **changes)
        return msgspec.structs.replace(trained, epochs=(*trained.epochs[:-1], last))

    return spoiled(spoil)


def with_first(**changes: float) -> Run:
    def spoil(trained: Trained) -> Trained:
        first = msgspec.structs.replace(trained.epochs[0], **changes)
        return msgspec.structs.replace(trained, epochs=(first, *trained.epochs[1:]))

    return spoiled(spoil)


def scaled(factor: float) -> Run:
    """Return a run in which all epochs of one trial take so many times as long."""

    def spoil(trained: Trained) -> Trained:
        epochs = tuple(
            msgspec.structs.replace(epoch, seconds=epoch.seconds * factor)
            for epoch in trained.epochs
        )
        return msgspec.structs.replace(trained, epochs=epochs, total_seconds=100.0 * factor)

    return spoiled(spoil)


SPOILED = {
    "proof": (lambda: with_proof(make_honest_run(), "torch", make_failed()), "not proved"),
    "own limits": (
        lambda: with_proof(
            make_honest_run(), "torch", make_proved(loss_deviation=1.0, loss_limit=2.0)
        ),
        "beyond this program's limits",
    ),
    "no proof": (lambda: msgspec.structs.replace(make_honest_run(), proofs=()), "not proved"),
    "failed": (lambda: with_result(make_honest_run(), "torch", make_failed()), "round 1 failed"),
    "missing trial": (
        lambda: msgspec.structs.replace(make_honest_run(), trials=make_honest_run().trials[:-1]),
        "missing",
    ),
    "accuracy": (lambda: with_last(accuracy=0.95), "accuracy 0.9500 in round 2"),
    "accuracy too early": (lambda: with_first(accuracy=0.95), "0.9500 on the way in round 2"),
    "inputs": (
        lambda: spoiled(lambda one: msgspec.structs.replace(one, inputs="ffffffffffff")),
        "other images or orders",
    ),
    "too fast": (lambda: scaled(1e-3), "faster than the device"),
    "spread": (lambda: scaled(3.0), "expected ± 25 % or better"),
    "phases": (
        lambda: spoiled(lambda one: msgspec.structs.replace(one, total_seconds=0.5)),
        "a clock is wrong",
    ),
    "one round": (lambda: msgspec.structs.replace(make_honest_run(), rounds=1), "1 rounds"),
    "threads": (lambda: msgspec.structs.replace(make_honest_run(), threads=64), "64 threads"),
    "versions": (lambda: msgspec.structs.replace(make_honest_run(), backends={}), "versions"),
    "workload": (lambda: make_run(), "not one of the standard ones"),
}


@pytest.mark.parametrize("name", SPOILED)
def test_every_doubt_is_named(name: str) -> None:
    """Whatever is wrong with a run is found and said."""
    make, words = SPOILED[name]
    assert any(words in finding for finding in admission.findings(make()))


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_the_inputs_are_those_of_the_shipped_images(variant: str, device: str) -> None:
    """The pinned hashes are those of the shipped images, start parameters and orders."""
    workload = workload_for(variant, device)
    found = inputs_hash(read_raw(workload), workload)
    assert admission.INPUTS_HASHES[workload.fingerprint] == found


def test_every_standard_workload_has_a_band() -> None:
    """Each variant has a band of accuracies at both sizes."""
    expected = {workload_for(variant, device).fingerprint for variant in VARIANTS for device in
                ("cpu", "cuda")}  # fmt: skip
    assert set(admission.ACCURACY_BANDS) == expected


def test_the_limits_are_those_of_the_proof() -> None:
    """The gate holds others to the limits that this program's own proof has."""
    assert admission.LOSS_LIMIT == proof.LOSS_LIMIT
    assert admission.PARAMETER_LIMIT == proof.PARAMETER_LIMIT


def test_check_accepts_and_refuses_by_exit_status(tmp_path: Path) -> None:
    """`check` exits 0 for an honest file and 1 as soon as one of several is not."""
    good, bad, broken = tmp_path / "good.json", tmp_path / "bad.json", tmp_path / "broken.json"
    write_run(good, make_honest_run())
    write_run(bad, with_last(accuracy=0.95))
    broken.write_text("{")
    assert CliRunner().invoke(main, ["check", str(good)]).exit_code == 0
    result = CliRunner().invoke(main, ["check", *map(str, (good, bad, broken))])
    assert result.exit_code == 1
    assert "good.json: accepted" in result.output
    assert "bad.json: not accepted" in result.output
    assert "broken.json is not a run file" in result.output


@pytest.mark.skipif(os.name == "nt", reason="names are text on Windows")
def test_a_file_with_a_strange_name_is_named(tmp_path: Path) -> None:
    """A name that is no text is printed as far as it is, in the message and before it."""
    path = tmp_path / os.fsdecode(b"sent\xff\x1b.json")
    result = CliRunner().invoke(main, ["check", str(path)])
    assert result.exit_code == 1
    assert "sent  .json: not accepted" in result.output


@given(st.binary(max_size=300))
def test_no_rubbish_gets_through(content: bytes) -> None:
    """Random bytes are refused with a message, whatever they are."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "sent.json"
        path.write_bytes(content)
        result = CliRunner().invoke(main, ["check", str(path)])
    assert result.exit_code == 1
    assert "not accepted" in result.output


@pytest.mark.parametrize("seconds", [0.0, -1.0, 1e300])
def test_impossible_seconds_are_no_run_file(seconds: float, tmp_path: Path) -> None:
    """An epoch that took no time, or for ever, is refused when the file is read."""
    epochs = tuple(make_epoch(seconds) for _ in range(WORK.epochs))
    run = spoiled(lambda one: msgspec.structs.replace(one, epochs=epochs))
    write_run(tmp_path / "sent.json", run)
    with pytest.raises(BrokenRunFile, match=r"sent[.]json"):
        read_run(tmp_path / "sent.json")
