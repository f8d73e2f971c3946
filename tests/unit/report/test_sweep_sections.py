"""Sweeps as pages show them: their titles and names, and which of several is shown."""

from made_sweeps import BATCHES, TWO, make_sweep, with_failed

from bench.report.sweep_sections import SweepSection, sweep_sections_of, widest_sweeps
from bench.results.records import Run
from bench.workload import Axis

WIDTHS, THREADS = Axis("width", (64, 684)), Axis("threads", (1, 2))
DEVICES = {"torch": (1e-3, 2e-5), "torch cuda:0": (1e-3, 2e-6)}


def titles(*axes: Axis, contenders: object = TWO) -> list[str]:
    return [one.title for one in sweep_sections_of("a.json", make_sweep(contenders, axes))]


def test_the_title_says_what_was_done_along_what() -> None:
    assert titles(BATCHES) == ["relu, 6,000 images, cpu: by batch size"]
    assert titles(WIDTHS, BATCHES)[:3] == [
        "relu, batch size 8, 6,000 images, cpu: by width",
        "relu, batch size 32, 6,000 images, cpu: by width",
        "relu, batch size 128, 6,000 images, cpu: by width",
    ]
    assert titles(THREADS) == ["relu, 6,000 images, cpu: by threads"]


def test_sizes_stand_beside_the_devices_that_they_belong_to() -> None:
    (title,) = titles(BATCHES, contenders=DEVICES)
    assert title == "relu, 6,000 images on cpu, 60,000 images on cuda: by batch size"
    (title,) = titles(Axis("train_samples", (1_000, 6_000)), contenders=DEVICES)
    assert title == "relu, cpu, cuda: by training images"


def names(section: SweepSection) -> list[str]:
    return sorted(map(section.name, section.contenders))


def test_contenders_are_named_by_what_tells_them_apart() -> None:
    (devices,) = sweep_sections_of("a.json", make_sweep(DEVICES))
    assert names(devices) == ["torch cpu", "torch cuda:0"]
    batches = sweep_sections_of("a.json", make_sweep(axes=[BATCHES, THREADS]))[0]
    assert names(batches)[:2] == ["numpy 1 thread", "numpy 2 threads"]


def test_the_gemm_bound_is_known_at_every_value_of_each_device() -> None:
    (section,) = sweep_sections_of("a.json", make_sweep(DEVICES))
    assert section.bounds.keys() == {"GEMM bound cpu", "GEMM bound cuda:0"}
    assert all(rates.keys() == {*BATCHES.values} for rates in section.bounds.values())
    (threads,) = sweep_sections_of("a.json", make_sweep(axes=THREADS))
    assert threads.bounds["GEMM bound"][2] > 1.2 * threads.bounds["GEMM bound"][1]


def shown(*runs: Run) -> list[str]:
    return [
        one.run_name
        for one in widest_sweeps(
            sweep
            for number, run in enumerate(runs)
            for sweep in sweep_sections_of(str(number), run)
        )
    ]


def test_of_sweeps_of_the_same_work_the_newest_with_most_rows_is_shown() -> None:
    old, new = (make_sweep(created=f"2026-01-0{day}T00:00:00+00:00") for day in (1, 2))
    assert shown(new, old) == ["0"] and shown(old, new) == ["1"]
    assert shown(old, with_failed(new, "numpy")) == ["0"]
    assert shown(old, make_sweep(axes=WIDTHS)) == ["1", "0"]
