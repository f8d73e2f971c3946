"""What a run says in a few lines."""

import msgspec
from made import make_epochs, make_run, make_trained, make_workload, with_result

from bench.report import summary
from bench.report.sections import sections_of
from bench.results.hardware import Conditions
from bench.results.records import Run


def test_each_workload_has_a_table_of_speeds_titled_with_what_was_done() -> None:
    ((table,),) = summary.answers(make_run(workload=make_workload("sigmoid")))
    assert table.title == "sigmoid, 6,000 images, cpu"
    assert [row[0] for row in table.rows] == ["numpy", "torch"]
    assert len(table.headers) == len(table.rows[0]) and table.left == 4


def disturbed() -> Run:
    """Return a run whose conditions, trials and epochs all deserve a warning."""
    seconds = {"numpy": [0.2] * 3, "torch": [0.2, 0.2, 0.4]}
    run = make_run(seconds, make_workload(epochs=8))
    epochs = list(make_epochs(0.2, 8))
    epochs[5] = msgspec.structs.replace(epochs[5], seconds=2.0)
    run = with_result(run, "numpy", make_trained(epochs=epochs))
    trials = tuple(
        msgspec.structs.replace(trial, conditions=Conditions(load=1.5))
        if trial.case.backend == "torch"
        else trial
        for trial in run.trials
    )
    return msgspec.structs.replace(run, trials=trials)


def test_warnings_are_about_conditions_trials_and_epochs() -> None:
    found = summary.warnings(disturbed())
    assert [one.partition(" ")[0] for one in found] == ["Other", "Trials", "Single"]


def test_warnings_of_some_rows_leave_the_others_out() -> None:
    run = disturbed()
    numpy, _ = sections_of("", run)[0].measured
    (warning,) = summary.warnings(run, [numpy])
    assert warning.startswith("Single epochs") and "numpy" in warning


def test_the_precision_says_which_differences_are_shown() -> None:
    noisy = {"numpy": [0.25, 0.28, 0.24, 0.26], "torch": [0.26, 0.25, 0.27, 0.25]}
    words = summary.precision(sections_of("", make_run(noisy))[0].rows)
    assert words.startswith("Minimum detectable difference of this run: 17.2 %;")
    assert words.endswith("The ratios to the fastest row are known to ± 17.2 % or better.")


def test_one_round_says_nothing_of_its_precision() -> None:
    assert summary.precision(sections_of("", make_run({"numpy": [0.2]}))[0].rows) == ""
    assert summary.precision([]) == ""


def test_variables_of_the_shell_are_warned_about() -> None:
    run = make_run(dropped=("GOMP_CPU_AFFINITY",), kept={"XLA_FLAGS": "--xla_dump_to=x"})
    kept, dropped = summary.warnings(run)
    assert kept.startswith("The trials inherited XLA_FLAGS=--xla_dump_to=x")
    assert dropped.startswith("The shell sets GOMP_CPU_AFFINITY, which can change the speed")
