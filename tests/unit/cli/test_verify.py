"""`verify`: the table of verifications and its exit status."""

import pytest
from fakes import VERIFICATION, FakeExecutor
from made import make_described, make_failed, make_verified

from bench.cli.verify import print_verifications
from bench.results.records import Flag
from bench.run.plan import Request

REQUEST = Request(["all"], ["all"], ["relu", "keras-example"])


def lines(executor: FakeExecutor, capsys: pytest.CaptureFixture[str]) -> tuple[int, list[str]]:
    """Return the exit status and the lines of the table."""
    status = print_verifications(executor, REQUEST)
    return status, [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]


def test_each_case_has_a_row_with_its_deviations(capsys: pytest.CaptureFixture[str]) -> None:
    status, (header, _, *rows) = lines(FakeExecutor(), capsys)
    assert status == 0
    assert header == "backend device variant loss deviation parameter deviation verification"
    assert rows == [
        f"{backend} cpu {variant} 1.0e-07 1.0e-05 verified"
        for variant in ("relu", "keras-example")
        for backend in ("numpy", "torch")
    ]


@pytest.mark.parametrize(
    ("result", "end"),
    [
        (make_failed("killed", "ended by SIGKILL"), "FAILED: killed: ended by SIGKILL"),
        (make_verified(flags=(Flag("loss", "0.3 off"),)), "1.0e-07 1.0e-05 FAILED: loss: 0.3 off"),
    ],
)
def test_what_fails_says_why_and_is_exit_status_1(
    result: object, end: str, capsys: pytest.CaptureFixture[str]
) -> None:
    results = iter([make_verified(), result, make_verified(), make_verified()])
    status, rows = lines(FakeExecutor({VERIFICATION: lambda: next(results)}), capsys)
    assert status == 1
    assert rows[3] == f"torch cpu relu {end}"
    assert rows[4].endswith("verified")


def test_what_is_left_out_of_a_verification_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    result = make_verified(left_out="full size: 6,000 of 60,000 images")
    status, rows = lines(FakeExecutor({VERIFICATION: lambda: result}), capsys)
    assert status == 0
    assert rows[2].endswith(" verified, except full size: 6,000 of 60,000 images")


def test_what_cannot_be_verified_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    described = {"numpy": make_described(), "lonely": make_described([])}
    status, rows = lines(FakeExecutor(described=described), capsys)
    assert (status, rows[-1]) == (0, "skipped lonely: it sees no device here")
