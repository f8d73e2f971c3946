"""The page of a fleet: kinds, machines, what deviates, and what did not come home."""

from pathlib import Path

import msgspec
from made_fleets import make_fleet, make_machines

from bench.report.fleet_page import FleetSection, page
from bench.report.render import render
from bench.results.fleets import Member, write_fleet
from bench.results.store import write_run


def test_a_machine_that_deviates_comes_first_with_what_differs() -> None:
    runs = make_machines(12, slow={7: 1.3})
    fleet, files = make_fleet(runs)
    slow = msgspec.structs.replace(files["run-8.json"].machine, kernel="6.1")
    files["run-8.json"] = msgspec.structs.replace(files["run-8.json"], machine=slow)
    usual = msgspec.structs.replace(slow, kernel="5.15")
    others = {name: msgspec.structs.replace(run, machine=usual) for name, run in files.items()
              if name != "run-8.json"}  # fmt: skip
    shown = page(FleetSection(fleet, {**files, **others}))
    assert "These deviate: node-8." in shown
    lines = [line for line in shown.splitlines() if "node-" in line and line.startswith("|")]
    assert "node-8" in lines[0] and "● 1.3" in lines[0] and "kernel 6.1, its peers 5.15" in lines[0]
    assert "node-10" in lines[-3] and "node-12" in lines[-1]


def test_a_machine_without_a_run_is_a_row_with_the_reason() -> None:
    fleet, files = make_fleet(make_machines(3))
    lost = Member("node-4", reason="no answer any more")
    shown = page(
        FleetSection(msgspec.structs.replace(fleet, members=(*fleet.members, lost)), files)
    )
    assert "4 machines of 1 kinds." in shown and "1 brought no run: node-4." in shown
    assert "no answer any more" in shown and "No machine is shown to deviate." in shown


def test_kinds_stand_beside_each_other() -> None:
    fleet, files = make_fleet([*make_machines(3), *make_machines(2, first=4, cpu_model="Apple M2")])
    shown = page(FleetSection(fleet, files))
    header = next(line for line in shown.splitlines() if line.startswith("| backend"))
    assert "(3)" in header and "(2)" in header and "Apple M2" in header


def test_runs_of_a_fleet_without_a_record_are_shown_like_others(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    write_run(tmp_path / "runs" / "lost.json", *make_machines(1))
    assert {path.name for path in render(tmp_path).pages} == {
        "README.md", "amd-epyc-9354-2-cores-node-1.md",
    }  # fmt: skip
    assert "lost.json" in (tmp_path / "README.md").read_text()


def test_a_fleets_machines_have_one_page_and_none_of_their_own(tmp_path: Path) -> None:
    fleet, files = make_fleet(make_machines(3))
    (tmp_path / "runs").mkdir()
    for name, run in files.items():
        write_run(tmp_path / "runs" / name, run)
    labelled = msgspec.structs.replace(files["run-1.json"], fleet=None, label="lab-1")
    write_run(tmp_path / "runs" / "mine.json", labelled)
    write_fleet(tmp_path / "fleets" / "made.json", fleet)
    (tmp_path / "fleets" / "broken.json").write_text("{")
    rendered = render(tmp_path, with_page=True)
    assert {path.name for path in rendered.pages} == {
        "README.md", "index.html", "fleet-made.md", "amd-epyc-9354-2-cores-lab-1.md",
    }  # fmt: skip
    assert "[made](fleet-made.md)" in (tmp_path / "README.md").read_text()
    assert '"title":"Fleet made"' in (tmp_path / "index.html").read_text()
    (problem,) = rendered.problems
    assert problem.startswith("broken.json is no record of a fleet: ")
