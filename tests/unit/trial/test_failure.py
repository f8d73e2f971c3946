"""What becomes of an error: its kind, its first line, its traceback in the log."""

import pytest

from bench.results.records import Failed
from bench.trial.failure import LINE, BrokenContract, NoLibrary, NotFinite, failed_by


class Unreadable(Exception):
    """An error whose message cannot be had."""

    def __str__(self) -> str:
        raise RuntimeError("no message")


@pytest.mark.parametrize(
    ("error", "kind", "reason"),
    [
        (BrokenContract("no epochs"), "broken contract", "no epochs"),
        (NotFinite("the loss is nan"), "not finite", "the loss is nan"),
        (NoLibrary("no library here"), "no library", "no library here"),
        (ValueError("no\nmore lines"), "raised", "ValueError: no"),
        (KeyboardInterrupt(), "raised", "KeyboardInterrupt: without a message"),
        (Unreadable(), "raised", "Unreadable: with a message that cannot be read"),
        (ValueError("\ud800"), "raised", "ValueError: ?"),
        (ValueError("x" * 9_999), "raised", "ValueError: " + "x" * LINE),
    ],
)
def test_an_error_becomes_a_failure_of_one_line(
    error: BaseException, kind: str, reason: str
) -> None:
    assert failed_by(error) == Failed(kind=kind, reason=reason)


def test_the_traceback_goes_to_the_log(capfd: pytest.CaptureFixture[str]) -> None:
    try:
        raise ValueError("deep inside")
    except ValueError as error:
        failed_by(error)
    assert "test_failure.py" in capfd.readouterr().err


def test_a_temporary_folder_that_forbids_execution_is_named_first() -> None:
    error = OSError("/tmp/x.so: failed to map segment from shared object. " + "Set this. " * 100)
    assert failed_by(error).reason.startswith(
        "the temporary folder forbids execution; name another one in TMPDIR: OSError: /tmp/x.so"
    )
