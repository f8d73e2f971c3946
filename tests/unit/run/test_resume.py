"""Whether a run can be finished here: one machine, one data set, one set of versions."""

from collections.abc import Callable
from pathlib import Path

import pytest
from made import (
    make_described,
    make_machine,
    make_planned,
    make_run,
    make_trained,
    make_workload,
    with_result,
)

from bench.results.records import Run
from bench.run.choices import Refused
from bench.run.resume import check_images, check_machine, check_versions
from bench.workload.inputs import inputs_hash, read_raw

FILE = Path("reports/runs/run.json")
HERE = make_machine(caches={"L1d": 32_768}, instruction_sets=("AVX2",))
RUN = make_planned(machine=HERE)
SMALL = make_workload(train_samples=100, test_samples=50)


def refusal(check: Callable[..., None], *given: object) -> str:
    with pytest.raises(Refused) as caught:
        check(*given)
    return str(caught.value)


def trained_on(inputs: str) -> Run:
    run = make_run({"numpy": [0.25]}, SMALL)
    return with_result(run, "numpy", make_trained(inputs=inputs))


def test_the_machine_of_the_run_is_taken_as_it_is() -> None:
    check_machine(RUN, FILE, make_machine(caches=HERE.caches, instruction_sets=("AVX2",)))


def test_a_file_outside_a_reports_folder_is_refused() -> None:
    assert "lies in the folder 'elsewhere'; expected a run file where `run` wrote it" in refusal(
        check_machine, RUN, Path("elsewhere/run.json"), HERE
    )


def test_a_run_of_another_machine_is_refused() -> None:
    said = refusal(check_machine, RUN, FILE, make_machine(cpu_model="Intel Celeron N2840"))
    assert "run.json is of the machine amd-epyc-9354" in said
    assert "expected this one, intel-celeron-n2840" in said


def test_the_images_of_the_run_are_taken_and_others_refused() -> None:
    here = inputs_hash(read_raw(SMALL), SMALL)
    check_images(trained_on(here), FILE)
    check_images(RUN, FILE)  # it has no trial yet
    said = refusal(check_images, trained_on("0" * 12), FILE)
    assert f"give inputs {here}; expected 000000000000, as in run.json: set MLP_BENCH_DATA" in said


def test_other_versions_and_an_edited_adapter_are_refused_by_name() -> None:
    check_versions(RUN, FILE, RUN.backends, RUN.sources)
    newer = {**RUN.backends, "torch": make_described(framework="9.9")}
    said = refusal(check_versions, RUN, FILE, newer, RUN.sources)
    assert "torch changed since run.json was begun" in said
    assert "restore them, or start a new run" in said
    edited = {**RUN.sources, "numpy": "0123456789ab"}
    said = refusal(check_versions, RUN, FILE, RUN.backends, edited)
    assert "numpy changed since run.json was begun" in said
