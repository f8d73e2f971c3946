"""The page: what is in it, and that it works in a real browser, from the file system, offline."""

import json
import random
import re
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bench import statistics
from bench.records import Run
from bench.report import page, page_data
from bench.report.page_methods import methods
from bench.report.sections import Section, sections_of
from tests.made import (
    make_described,
    make_failed,
    make_machine,
    make_proved,
    make_run,
    make_workload,
    with_proof,
    with_result,
)

pytest.importorskip("vl_convert", reason="vl-convert-python, which holds Vega, is not installed")

HOSTILE = '</script><script>window.hacked=1</script><img src=x onerror="window.hacked=1">|&amp;'
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
FAST, SLOW = [0.200, 0.201, 0.202, 0.200, 0.199], [0.300, 0.301, 0.299, 0.302, 0.300]
ROUNDS = {"numpy": FAST, "torch": SLOW, "jax": [0.201, 0.199, 0.203, 0.200, 0.201]}


def sections(*runs: Run) -> list[Section]:
    """Return the sections of runs named 0.json, 1.json …"""
    return [section for number, run in enumerate(runs)
            for section in sections_of(f"{number}.json", run)]  # fmt: skip


def data_of(content: bytes) -> dict[str, Any]:
    """Return the data that a page holds."""
    found = re.search(rb'<script type="application/json" id="data">(.*?)</script>', content, re.S)
    assert found is not None
    data: dict[str, Any] = json.loads(found[1])
    return data


def test_the_same_runs_give_the_same_bytes() -> None:
    """A page that is built again does not change."""
    assert page.build(sections(make_run()), ["x"]) == page.build(sections(make_run()), ["x"])


def test_the_page_is_small_and_names_no_other_place() -> None:
    """Without its data it takes under 2 MB, and its markup loads nothing."""
    content = page.build([], [])
    assert len(content) < 2_000_000
    markup = re.sub(rb"<script>.*?</script>", b"", content, flags=re.S)
    assert b"http" not in re.sub(rb"https://vega.github.io/schema", b"", markup).replace(
        b"http-equiv", b""
    )
    assert b" src=" not in markup and b"<link" not in markup


def test_hostile_texts_do_not_leave_the_data() -> None:
    """Markup in a run file is no markup in the page."""
    run = make_run({HOSTILE: FAST}, command=HOSTILE, machine=make_machine(cpu_model=HOSTILE))
    content = page.build(sections(run), [HOSTILE])
    assert content.count(b"</script>") == 4
    assert b"<img" not in re.sub(rb"<script>.*?</script>", b"", content, flags=re.S)
    assert data_of(content)["problems"] == [HOSTILE]


def test_every_row_has_a_value_for_each_field() -> None:
    """Rows without a trial too."""
    run = with_result(make_run({"numpy": [0.2]}), "numpy", make_failed())
    for one in (run, make_run()):
        data = page_data.data(sections(one), [])
        assert all(len(row) == len(page_data.FIELDS) for row in data["rows"])
        assert len(data["rows"]) == len(one.cells)


def test_a_text_stands_in_the_data_once() -> None:
    """A thousand rows of a backend hold its name once."""
    data = page_data.data(sections(*[make_run()] * 5), [])
    assert len(set(data["texts"])) == len(data["texts"])


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A headless Chromium of its own, without a network."""
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
        """Open the page."""
        self.driver, self.url = driver, path.as_uri()
        driver.get("about:blank")
        driver.get_log("browser")
        driver.get(self.url)

    def script(self, body: str, *arguments: Any) -> Any:
        """Return what a script returns in the page."""
        return self.driver.execute_script(body, *arguments)

    def cells(self, column: int) -> list[str]:
        """Return the texts of a column of the table, 1 being the backend's."""
        found = self.script(
            "return [...document.querySelectorAll('#rows tr:not(.details)')]"
            ".map(row => row.children[arguments[0]].textContent)",
            column,
        )
        return list(found)

    def text(self, selector: str) -> str:
        """Return the text of an element."""
        return str(self.script("return document.querySelector(arguments[0]).textContent", selector))

    def click(self, selector: str, number: int = 0) -> None:
        """Click on one of the elements, as a mouse or a keyboard would."""
        self.script(
            "document.querySelectorAll(arguments[0])[arguments[1]].click()", selector, number
        )

    def choose(self, selector: str, value: str) -> None:
        """Type or select a value."""
        self.script(
            "const e = document.querySelector(arguments[0]); e.value = arguments[1];"
            "e.dispatchEvent(new Event('input', {bubbles: true}));"
            "e.dispatchEvent(new Event('change', {bubbles: true}));",
            selector, value,
        )  # fmt: skip

    def wait(self, body: str) -> Any:
        """Return what a script returns as soon as that is something."""
        for _ in range(400):
            found = self.script(body)
            if found:
                return found
            time.sleep(0.025)
        raise AssertionError(f"never true: {body}; console: {self.console()}")

    def console(self) -> list[str]:
        """Return what the browser complained of."""
        return [str(line["message"]) for line in self.driver.get_log("browser")]


@pytest.fixture
def opened(browser: Any, tmp_path: Path) -> Iterator[Opened]:
    """Opens a page of runs from the file system; in the end nothing was complained of."""
    readers: list[Reader] = []

    def open_page(built: Sequence[Section], problems: Sequence[str] = ()) -> Reader:
        path = tmp_path / "index.html"
        path.write_bytes(page.build(built, problems))
        readers.append(Reader(browser, path))
        assert readers[-1].wait("return document.documentElement.dataset.ready")
        return readers[-1]

    yield open_page
    assert [line for reader in readers for line in reader.console()] == []


def test_one_run_shows_as_a_table_and_a_chart(opened: Opened) -> None:
    """The page opens from the file system, with a drawn chart."""
    reader = opened(sections(make_run(ROUNDS)))
    assert sorted(reader.cells(1)) == ["jax", "numpy", "torch"]
    assert "3 rows of 1 runs" in reader.text("#status")
    assert reader.wait("return document.querySelectorAll('#chart svg').length") == 1


@pytest.mark.parametrize("chart", ["seconds", "accuracy", "phases"])
@pytest.mark.parametrize("width", [390, 1280])
def test_every_chart_draws_every_row(opened: Opened, chart: str, width: int) -> None:
    """On a phone and on a wide screen, where nothing makes the page itself scroll sideways."""
    reader = opened(sections(make_run(ROUNDS)))
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    reader.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    reader.click(f"[data-chart={chart}]")
    assert reader.wait(f"return document.getElementById('chart').dataset.chart === '{chart}'")
    shown = reader.text("#chart svg")
    assert all(name in shown for name in ROUNDS)
    assert reader.script("return document.documentElement.scrollWidth <= innerWidth")
    reader.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_the_table_sorts_by_any_column(opened: Opened) -> None:
    """The first click sorts up, the second down, and screen readers are told."""
    reader = opened(sections(make_run(ROUNDS)))
    reader.click("[data-key=centre] button")
    assert reader.cells(1) == ["numpy", "jax", "torch"]
    header = "return document.querySelector('[data-key=centre]').getAttribute('aria-sort')"
    assert reader.script(header) == "ascending"
    reader.click("[data-key=centre] button")
    assert reader.cells(1) == ["torch", "jax", "numpy"]
    assert reader.script(header) == "descending"


def test_the_table_filters_by_words_and_lists(opened: Opened) -> None:
    """All words have to be found; the number of rows is said."""
    sigmoid = make_run(ROUNDS, workload=make_workload("sigmoid"))
    reader = opened(sections(make_run(ROUNDS), sigmoid))
    reader.choose("#query", "SIGMOID torch")
    assert reader.cells(1) == ["torch"] and "1 of 6 rows" in reader.text("#status")
    reader.click("#clear")
    reader.choose("#variant", "relu")
    assert sorted(reader.cells(1)) == ["jax", "numpy", "torch"]


def test_a_link_keeps_what_is_shown(opened: Opened) -> None:
    """Filter, order, open row and picked rows stand in the address, and come back from it."""
    reader = opened(sections(make_run({**ROUNDS, "keras_torch": SLOW})))
    reader.click("[data-key=centre] button")
    reader.choose("#query", "torch")
    reader.click("[data-pick]", 0)
    reader.click("[data-pick]", 1)
    reader.click("[data-open]", 0)
    parts = ("#rows", "#compared", "#status", "#headers", "#charts-about")
    link, before = reader.script("return location.href"), [reader.text(one) for one in parts]
    reader.driver.get("about:blank")
    reader.driver.get(link)
    reader.wait("return document.documentElement.dataset.ready")
    assert [reader.text(one) for one in parts] == before
    assert sorted(reader.cells(1)) == ["keras_torch", "torch"]


def test_two_rows_are_compared_as_the_program_does(opened: Opened) -> None:
    """The ratio and its interval are those of bench.statistics."""
    reader = opened(sections(make_run(ROUNDS)))
    reader.click("[data-key=centre] button")
    reader.click("[data-pick]", 0)
    assert "Pick another one" in reader.text("#compared")
    reader.click("[data-pick]", 2)
    ratio = statistics.ratio(SLOW, FAST)
    assert f"{ratio.centre:.3f} [{ratio.low:.3f}, {ratio.high:.3f}]" in reader.text("#compared")
    assert "the second is slower" in reader.text("#compared")
    reader.click("[data-pick]", 2)
    reader.click("[data-pick]", 1)
    assert "no difference shown" in reader.text("#compared")


def test_what_cannot_be_compared_is_refused(opened: Opened) -> None:
    """Different work, and rows in doubt, have no ratio, but a reason."""
    doubtful = with_proof(make_run(ROUNDS), "torch", make_proved(loss_deviation=1.0))
    sigmoid = make_run({"numpy": FAST}, workload=make_workload("sigmoid"))
    reader = opened(sections(doubtful, sigmoid))
    reader.choose("#query", "numpy")
    reader.click("[data-pick]", 0)
    reader.click("[data-pick]", 1)
    assert "Not comparable: different workloads" in reader.text("#compared")
    reader.click("#clear")
    reader.choose("#variant", "relu")
    reader.click("[data-key=backend] button")
    reader.click("[data-pick]", 1)
    reader.click("[data-pick]", 2)
    assert "Not comparable: the second is marked: not proved" in reader.text("#compared")


def test_rows_of_two_runs_are_compared_with_a_caution(opened: Opened) -> None:
    """The moment is part of the ratio, and what differs is named."""
    older = make_run({"torch": FAST}, backends={"torch": make_described(torch="1.0")})
    newer = make_run({"torch": SLOW}, backends={"torch": make_described(torch="2.0")})
    reader = opened(sections(older, newer))
    reader.click("[data-pick]", 0)
    reader.click("[data-pick]", 1)
    assert "the second is slower" in reader.text("#compared")
    assert "Two runs, two moments" in reader.text("#compared")
    assert "torch 1.0" in reader.text("#compared") and "torch 2.0" in reader.text("#compared")


def test_a_row_opens_with_its_command(opened: Opened) -> None:
    """A click shows the details; another one hides them; the focus stays on the button."""
    reader = opened(sections(make_run(ROUNDS, command="python -m bench run --rounds 5")))
    reader.script("document.querySelector('[data-open]').focus()")
    reader.click("[data-open]")
    assert reader.text(".command") == "python -m bench run --rounds 5"
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
    assert reader.script("return document.activeElement.dataset.open") == "0.json~1"


@pytest.mark.parametrize("name", ["toString", "__proto__", "none"])
def test_a_chart_that_there_is_not_is_the_first_one(opened: Opened, name: str) -> None:
    """Whatever an address names: every object has a toString."""
    reader = opened(sections(make_run(ROUNDS)))
    reader.driver.get("about:blank")
    reader.driver.get(f"{reader.url}#chart={name}")
    assert reader.wait("return document.getElementById('chart').dataset.chart") == "seconds"


def test_hostile_texts_show_as_text(opened: Opened) -> None:
    """Nothing of a run file runs, in no part of the page."""
    run = make_run({HOSTILE: FAST, "numpy": SLOW}, command=HOSTILE, created=HOSTILE,
                   machine=make_machine(cpu_model=HOSTILE))  # fmt: skip
    run = msgspec.structs.replace(
        run, backends={HOSTILE: make_described(**{HOSTILE: HOSTILE}), "numpy": make_described()}
    )
    reader = opened(sections(run), [HOSTILE])
    reader.click("[data-open]")
    reader.click("[data-pick]", 0)
    reader.click("[data-pick]", 1)
    for chart in ("seconds", "accuracy", "phases"):
        reader.click(f"[data-chart={chart}]")
        reader.wait(f"return document.getElementById('chart').dataset.chart === '{chart}'")
    assert HOSTILE in reader.cells(1)
    assert reader.text(".command") == HOSTILE and reader.text("#problem-list") == HOSTILE
    assert reader.script("return [window.hacked, document.images.length]") == [None, 0]


def test_every_control_has_a_name(opened: Opened) -> None:
    """Screen readers can say what each button, box and list is for."""
    reader = opened(sections(make_run(ROUNDS)))
    nameless = reader.script(
        "return [...document.querySelectorAll('button, input, select')].filter(e =>"
        " !e.textContent.trim() && !e.getAttribute('aria-label') && !(e.labels && e.labels.length))"
        ".length"
    )
    assert nameless == 0


def test_the_tab_key_reaches_every_part(opened: Opened) -> None:
    """Filters, chart buttons, headers, boxes and rows are visited in order, the focus visible."""
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
    """The page does with 6,000 rows what it does with three."""
    one = make_run(ROUNDS)
    section = sections(one)[0]
    many = []
    for number in range(2000):
        created = f"2026-01-01T{number // 3600:02}:{number // 60 % 60:02}:{number % 60:02}+00:00"
        run = msgspec.structs.replace(one, created=created)
        many.append(section._replace(run_name=f"{number}.json", run=run))
    reader = opened(many)
    assert "6000 rows of 2000 runs" in reader.text("#status")
    reader.click("[data-key=centre] button")
    assert set(reader.cells(1)) == {"numpy"}
    reader.choose("#query", "1234.json")
    assert reader.cells(1) == ["numpy", "jax", "torch"]
    reader.click("[data-pick]", 0)
    reader.click("[data-pick]", 2)
    assert "the second is slower" in reader.text("#compared")
    reader.click("#clear")
    reader.click("#next")
    assert "page 2 of 120" in reader.text("#page")


@pytest.mark.parametrize("trials", [1, 2, 3, 6, 7, 8, 11, 20, 50, 51, 80])
def test_intervals_in_the_page_are_those_of_the_program(browser: Any, trials: int) -> None:
    """Ratio and bounds agree with bench.statistics to nine digits, for every method."""
    source = (Path(page.__file__).parent / "page" / "intervals.js").read_text()
    dice = random.Random(trials)
    known = {str(number): method for number, method in methods(trials).items()}
    for _ in range(5):
        new, base = ([dice.lognormvariate(0, 0.2) for _ in range(trials)] for _ in range(2))
        rows = [{"workload": "w", "inputs": "i", "blocked": None, "rounds": list(range(trials)),
                 "seconds": seconds} for seconds in (base, new)]  # fmt: skip
        found = browser.execute_script(f"{source}\nreturn compareRows(...arguments)", *rows, known)
        expected = statistics.ratio(new, base)
        verdict = {"~": "no difference shown"}.get(statistics.verdict(expected))
        assert found["verdict"] == (verdict or statistics.verdict(expected))
        assert found["centre"] == pytest.approx(expected.centre, rel=1e-9)
        for name in ("low", "high"):
            bound = getattr(expected, name)
            assert found[name] == (None if bound is None else pytest.approx(bound, rel=1e-9))
