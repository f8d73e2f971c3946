"""The page works in a real browser, from the file system, offline."""

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from made import (
    make_described,
    make_failed,
    make_machine,
    make_run,
    make_verified,
    make_workload,
    with_result,
    with_verification,
)
from made_sweeps import BATCHES, make_sweep

from bench.report import page
from bench.report.sections import Section, sections_of
from bench.report.sweep_sections import sweep_sections_of
from bench.results import statistics
from bench.results.records import Flag, Run
from bench.results.statistics import Timings
from bench.workload import Axis

pytest.importorskip("vl_convert", reason="vl-convert-python, which holds Vega, is not installed")

HOSTILE = '</script><script>window.hacked=1</script><img src=x onerror="window.hacked=1">|&amp;'
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
FAST, SLOW = [0.200, 0.201, 0.202, 0.200, 0.199], [0.300, 0.301, 0.299, 0.302, 0.300]
ROUNDS = {"numpy": FAST, "torch": SLOW, "jax": [0.201, 0.199, 0.203, 0.200, 0.201]}


def sections(*runs: Run) -> list[Section]:
    return [section for number, run in enumerate(runs)
            for section in sections_of(f"{number}.json", run)]  # fmt: skip


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    selenium = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    service = pytest.importorskip("selenium.webdriver.chrome.service")
    binary = shutil.which("chromium") or shutil.which("chromium-browser") or ""
    driver = shutil.which("chromedriver") or ""
    if not (binary and driver):
        pytest.skip("chromium and chromedriver are not installed: apt-get install chromium-driver")
    options = selenium.ChromeOptions()
    options.binary_location = binary
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    profile = tmp_path_factory.mktemp("profile")
    for flag in (*FLAGS, f"--user-data-dir={profile}", "--window-size=1280,1000"):
        options.add_argument(flag)
    started = selenium.Chrome(options=options, service=service.Service(driver))
    yield started
    started.quit()


Opened = Callable[..., "Reader"]


class Reader:
    """Somebody who reads the page."""

    def __init__(self, driver: Any, path: Path):
        self.driver = driver
        driver.get("about:blank")
        driver.get_log("browser")
        driver.get(path.as_uri())

    def script(self, body: str, *arguments: Any) -> Any:
        return self.driver.execute_script(body, *arguments)

    def cells(self, column: int) -> list[str]:
        found = self.script(
            "return [...document.querySelectorAll('#rows tr:not(.details)')]"
            ".map(row => row.children[arguments[0]].textContent)",
            column,
        )
        return list(found)

    def text(self, selector: str) -> str:
        return str(self.script("return document.querySelector(arguments[0]).textContent", selector))

    def click(self, selector: str, *numbers: int) -> None:
        for number in numbers or (0,):
            self.script("document.querySelectorAll(arguments[0])[arguments[1]].click()",
                        selector, number)  # fmt: skip

    def choose(self, selector: str, value: str) -> None:
        self.script(
            "const e = document.querySelector(arguments[0]); e.value = arguments[1];"
            "e.dispatchEvent(new Event('input', {bubbles: true}));"
            "e.dispatchEvent(new Event('change', {bubbles: true}));",
            selector, value,
        )  # fmt: skip

    def wait(self, body: str) -> Any:
        for _ in range(400):
            found = self.script(body)
            if found:
                return found
            time.sleep(0.025)
        raise AssertionError(f"never true: {body}; console: {self.console()}")

    def console(self) -> list[str]:
        return [str(line["message"]) for line in self.driver.get_log("browser")]


@pytest.fixture
def opened(browser: Any, tmp_path: Path) -> Iterator[Opened]:
    readers: list[Reader] = []

    def open_page(built: Sequence[Section], problems: Sequence[str] = (), *swept: Run) -> Reader:
        path = tmp_path / "index.html"
        sweeps = [sweep for run in swept for sweep in sweep_sections_of("0.json", run)]
        path.write_text(page.build(built, problems, sweeps), "utf-8")
        readers.append(Reader(browser, path))
        assert readers[-1].wait("return document.documentElement.dataset.ready")
        return readers[-1]

    yield open_page
    assert [line for reader in readers for line in reader.console()] == []


def test_one_run_shows_as_a_table_and_a_chart(opened: Opened) -> None:
    reader = opened(sections(make_run(ROUNDS)))
    assert sorted(reader.cells(1)) == ["jax", "numpy", "torch"]
    assert "3 rows of 1 run" in reader.text("#status")
    assert reader.wait("return document.querySelectorAll('#chart svg').length") == 1


@pytest.mark.parametrize("chart", ["seconds", "accuracy", "phases"])
@pytest.mark.parametrize("width", [390, 1280])
def test_every_chart_draws_every_row(opened: Opened, chart: str, width: int) -> None:
    reader = opened(sections(make_run(ROUNDS)))
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    reader.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    reader.click(f"[data-chart={chart}]")
    assert reader.wait(f"return document.getElementById('chart').dataset.chart === '{chart}'")
    shown = reader.text("#chart svg")
    assert all(name in shown for name in ROUNDS)
    assert reader.script("return document.documentElement.scrollWidth <= innerWidth")
    reader.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@pytest.mark.parametrize("width", [390, 1280])
def test_the_axis_of_a_sweep_is_chosen_by_click(opened: Opened, width: int) -> None:
    run = make_sweep(axes=[BATCHES, Axis("precision", ("float32", "bfloat16"))])
    reader = opened(sections(run), [], run)
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    reader.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    assert reader.wait("return document.getElementById('sweep-chart').dataset.chart === 'curve'")
    assert "torch overtakes numpy at batch size 4" in reader.text("#sweep-words")
    reader.click("#axes button", 1)
    assert reader.wait("return document.getElementById('sweep-chart').dataset.chart === 'dots'")
    assert "precision" in reader.text("#sweep-chart svg")
    assert "bfloat16" in reader.text("#sweep-tables")
    assert reader.script("return document.getElementById('sweep').options.length") == 5
    assert reader.script("return location.hash").count("sweep=")
    assert reader.script("return document.documentElement.scrollWidth <= innerWidth")
    reader.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_the_table_sorts_by_any_column(opened: Opened) -> None:
    reader = opened(sections(make_run(ROUNDS)))
    reader.click("[data-key=centre] button")
    assert reader.cells(1) == ["numpy", "jax", "torch"]
    header = "return document.querySelector('[data-key=centre]').getAttribute('aria-sort')"
    assert reader.script(header) == "ascending"
    reader.click("[data-key=centre] button")
    assert reader.cells(1) == ["torch", "jax", "numpy"]
    assert reader.script(header) == "descending"


def test_the_table_filters_by_words_and_lists(opened: Opened) -> None:
    sigmoid = make_run(ROUNDS, workload=make_workload("sigmoid"))
    reader = opened(sections(make_run(ROUNDS), sigmoid))
    reader.choose("#query", "SIGMOID torch")
    assert reader.cells(1) == ["torch"] and "1 of 6 rows" in reader.text("#status")
    reader.click("#clear")
    reader.choose("#variant", "relu")
    assert sorted(reader.cells(1)) == ["jax", "numpy", "torch"]


def test_words_in_any_column_are_found_as_they_are_shown(opened: Opened) -> None:
    wrong = make_verified(flags=(Flag("losses", "0.1 off"),))
    reader = opened(sections(with_verification(make_run(ROUNDS), "torch", wrong)))
    place = reader.cells(1).index("torch")
    for cell in [reader.cells(column)[place] for column in range(1, 13)]:
        reader.choose("#query", cell)
        assert "torch" in reader.cells(1), cell
    reader.choose("#query", "flagged")
    assert reader.cells(1) == ["torch"]


def test_a_link_keeps_what_is_shown(opened: Opened) -> None:
    reader = opened(sections(make_run({**ROUNDS, "keras_torch": SLOW})))
    reader.click("[data-key=centre] button")
    reader.choose("#query", "torch")
    reader.click("[data-pick]", 0, 1)
    reader.click("[data-open]", 0)
    parts = ("#rows", "#compared", "#status", "#headers", "#charts-about")
    link, before = reader.script("return location.href"), [reader.text(one) for one in parts]
    reader.driver.get("about:blank")
    reader.driver.get(link)
    reader.wait("return document.documentElement.dataset.ready")
    assert [reader.text(one) for one in parts] == before
    assert sorted(reader.cells(1)) == ["keras_torch", "torch"]


def test_two_rows_are_compared_as_the_program_does(opened: Opened) -> None:
    reader = opened(sections(make_run(ROUNDS)))
    reader.click("[data-key=centre] button")
    reader.click("[data-pick]", 0)
    assert "Pick another one" in reader.text("#compared")
    reader.click("[data-pick]", 2)
    slow, fast = (Timings({n: [one] for n, one in enumerate(some)}) for some in (SLOW, FAST))
    ratio = statistics.ratio(slow, fast)
    assert ratio and ratio.low and ratio.high
    assert f"{ratio.centre:.4g} [{ratio.low:.4g}, {ratio.high:.4g}]" in reader.text("#compared")
    assert "5 pairs: the second is slower" in reader.text("#compared")
    reader.click("[data-pick]", 2, 1)
    assert "no difference shown" in reader.text("#compared")


def test_a_pair_that_the_page_does_not_hold_is_left_to_the_program(opened: Opened) -> None:
    """As of runs that share no round: the command that compares them is given."""
    run = make_run({"numpy": FAST[:2], "torch": SLOW[:2]})
    run = with_result(with_result(run, "numpy", make_failed()), "torch", make_failed(), round=1)
    reader = opened(sections(run))
    reader.click("[data-key=centre] button")
    reader.click("[data-pick]", 0, 1)
    assert "bench compare '0.json#numpy' '0.json#torch'" in reader.text("#compared pre")


def test_what_cannot_be_compared_is_refused(opened: Opened) -> None:
    wrong = make_verified(flags=(Flag("losses", "0.1 off"),))
    doubtful = with_verification(make_run(ROUNDS), "torch", wrong)
    sigmoid = make_run({"numpy": FAST}, workload=make_workload("sigmoid"))
    reader = opened(sections(doubtful, sigmoid))
    reader.choose("#query", "numpy")
    reader.click("[data-pick]", 0, 1)
    assert "Not comparable: different workloads" in reader.text("#compared")
    reader.click("#clear")
    reader.choose("#variant", "relu")
    reader.click("[data-key=backend] button")
    reader.click("[data-pick]", 1, 2)
    assert "Not comparable: the second is flagged: verification" in reader.text("#compared")


def test_rows_of_two_runs_are_compared_with_a_caution(opened: Opened) -> None:
    older = make_run({"torch": FAST}, backends={"torch": make_described(torch="1.0")})
    newer = make_run({"torch": SLOW}, backends={"torch": make_described(torch="2.0")})
    reader = opened(sections(older, newer))
    reader.click("[data-pick]", 0, 1)
    assert "The rows come from different runs" in reader.text("#compared")
    assert "torch 1.0" in reader.text("#compared") and "torch 2.0" in reader.text("#compared")


def test_a_row_opens_with_its_command(opened: Opened) -> None:
    reader = opened(sections(make_run(ROUNDS, command="python -m bench run --rounds 5")))
    reader.script("document.querySelector('[data-open]').focus()")
    reader.click("[data-open]")
    assert reader.text(".details pre") == "python -m bench run --rounds 5"
    assert reader.script("return document.activeElement.getAttribute('aria-expanded')") == "true"
    reader.click("[data-open]")
    assert reader.script("return document.querySelector('.details')") is None


def test_a_click_on_a_mark_opens_its_row(opened: Opened) -> None:
    """From the chart to the row, also if a filter hides it."""
    reader = opened(sections(make_run(ROUNDS)))
    reader.choose("#query", "numpy")
    reader.wait("return document.querySelectorAll('#chart svg .mark-symbol path').length")
    reader.script(
        "const marks = document.querySelectorAll('#chart svg .mark-symbol path');"
        "const last = marks[marks.length - 1], box = last.getBoundingClientRect();"
        "const at = {bubbles: true, clientX: box.x + 2, clientY: box.y + 2};"
        "last.dispatchEvent(new MouseEvent('click', at));"
    )
    assert reader.text("#rows tr.open th") == "torch"


def test_hostile_texts_show_as_text(opened: Opened) -> None:
    run = make_run({HOSTILE: FAST, "numpy": SLOW}, command=HOSTILE, created=HOSTILE,
                   machine=make_machine(cpu_model=HOSTILE))  # fmt: skip
    run = msgspec.structs.replace(
        run, backends={HOSTILE: make_described(**{HOSTILE: HOSTILE}), "numpy": make_described()}
    )
    reader = opened(sections(run), [HOSTILE])
    reader.click("[data-open]")
    reader.click("[data-pick]", 0, 1)
    for chart in ("seconds", "accuracy", "phases"):
        reader.click(f"[data-chart={chart}]")
        reader.wait(f"return document.getElementById('chart').dataset.chart === '{chart}'")
    assert HOSTILE in reader.cells(1)
    assert reader.text(".details pre") == HOSTILE and reader.text("#problem-list") == HOSTILE
    assert reader.script("return [window.hacked, document.images.length]") == [None, 0]


def test_every_control_has_a_name(opened: Opened) -> None:
    reader = opened(sections(make_run(ROUNDS)))
    nameless = reader.script(
        "return [...document.querySelectorAll('button, input, select')].filter(e =>"
        " !e.textContent.trim() && !e.getAttribute('aria-label') && !(e.labels && e.labels.length))"
        ".length"
    )
    assert nameless == 0


def test_only_buttons_can_be_pressed(opened: Opened) -> None:
    run = make_sweep()
    reader = opened(sections(run), [], run)
    for chart in ("chart", "sweep-chart"):
        reader.wait(f"return document.getElementById('{chart}').dataset.chart")
    reader.choose("#query", "torch")
    pressed = "return [...document.querySelectorAll('[aria-pressed]')].map(e => e.tagName)"
    assert set(reader.script(pressed)) == {"BUTTON"}


def test_the_tab_key_reaches_every_part(opened: Opened) -> None:
    from selenium.webdriver import ActionChains, Keys

    reader = opened(sections(make_run(ROUNDS)))
    visited, outlines = [], []
    for _ in range(30):
        ActionChains(reader.driver).send_keys(Keys.TAB).perform()
        visited.append(reader.script(
            "const e = document.activeElement;"
            "return e.id || Object.keys(e.dataset)[0] || e.parentNode.dataset.key || e.className"
        ))  # fmt: skip
        outlines.append(
            reader.script("return getComputedStyle(document.activeElement).outlineStyle")
        )
    parts = {"skip", "query", "machine", "chart", "results", "centre", "pick", "open"}
    assert parts - set(visited) == set()
    assert "none" not in outlines


def test_two_thousand_runs_sort_filter_and_compare(opened: Opened) -> None:
    one = make_run(ROUNDS)
    (section,) = sections(one)
    many = []
    for number in range(2000):
        created = f"2026-01-01T{number // 3600:02}:{number // 60 % 60:02}:{number % 60:02}+00:00"
        run = msgspec.structs.replace(one, created=created)
        many.append(Section(section.key, f"{number}.json", run, section.rows))
    reader = opened(many)
    assert "6000 rows of 2000 runs" in reader.text("#status")
    reader.click("[data-key=centre] button")
    assert set(reader.cells(1)) == {"numpy"}
    reader.choose("#query", "1234.json")
    assert reader.cells(1) == ["numpy", "jax", "torch"]
    reader.click("[data-pick]", 0, 2)
    assert "the second is slower" in reader.text("#compared")
    reader.click("#clear")
    reader.click("#next")
    assert "page 2 of 120" in reader.text("#page")
