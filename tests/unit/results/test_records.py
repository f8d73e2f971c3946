"""What records say in words: failures and flags are worded in one place."""

import pytest
from made import make_failed

from bench.results.records import Flag


@pytest.mark.parametrize(
    ("log", "words"),
    [
        ((), "raised: ValueError: no"),
        (("Traceback", "ValueError: no"), "raised: ValueError: no"),
        (("half a", "CUDA error"), "raised: ValueError: no; it printed last: CUDA error"),
    ],
)
def test_a_failure_says_its_kind_its_reason_and_the_last_line_that_says_more(
    log: tuple[str, ...], words: str
) -> None:
    assert str(make_failed("raised", "ValueError: no", *log)) == words


def test_a_flag_says_its_check_and_what_was_found() -> None:
    assert str(Flag("losses", "1.1 in epoch 1")) == "losses: 1.1 in epoch 1"
