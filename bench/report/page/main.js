// The table, and everything that changes when its state does.

let state = readState();
let drawn = "";

function change(changes) {
  state = { ...state, ...changes };
  history.replaceState(null, "", addressOf(state));
  show();
}

function fillSelects() {
  for (const name of FILTERS) {
    const values = [...new Set(ROWS.map((row) => row[name]))].sort();
    byId(name).append(element("option", { value: "" }, "all"));
    byId(name).append(...values.map((value) => element("option", { value }, value)));
    byId(name).addEventListener("change", () => change({ [name]: byId(name).value, page: "1" }));
  }
}

function fillHeaders() {
  const head = (properties, child) => element("th", { scope: "col", ...properties }, child);
  byId("headers").append(head({}, element("span", { class: "label" }, "pick")));
  for (const { key, title, number } of COLUMNS) {
    const arrow = element("span", { "aria-hidden": "true" });
    const button = element("button", { type: "button", click: () => sortBy(key) }, title, arrow);
    byId("headers").append(head({ "data-key": key, class: number ? "number" : null }, button));
  }
}

function sortBy(key) {
  const again = state.sort === key && state.order === "ascending";
  change({ sort: key, order: again ? "descending" : "ascending", page: "1" });
}

function showHeaders() {
  for (const header of byId("headers").querySelectorAll("[data-key]")) {
    const current = header.dataset.key === state.sort;
    if (current) header.setAttribute("aria-sort", state.order);
    else header.removeAttribute("aria-sort");
    const arrow = state.order === "ascending" ? " ▲" : " ▼";
    header.querySelector("span").textContent = current ? arrow : "";
  }
}

function lineOf(row) {
  const { id, doubt } = row;
  const picked = id === state.base || id === state.other;
  const open = id === state.open;
  const box = element("input", { type: "checkbox", "data-pick": id, change: () => pick(id),
    "aria-label": `compare ${nameOf(row)}` });
  box.checked = picked;
  const button = element("button", { type: "button", "data-open": id, "aria-expanded": String(open),
    click: () => change({ open: open ? "" : id }) }, row.backend);
  const classOf = ({ key, number, wraps }) =>
    number ? "number" : wraps ? "wraps" : key === "status" && doubt ? "doubt" : null;
  const cells = COLUMNS.slice(1).map((column) => element("td", { class: classOf(column) }, cellOf(row, column)));
  const classes = { flagged: row.status === "flagged", open, picked };
  const line = element("tr", {}, element("td", {}, box), element("th", { scope: "row" }, button), ...cells);
  line.classList.add(...Object.keys(classes).filter((name) => classes[name]));
  if (!open) return [line];
  const details = element("td", { colspan: COLUMNS.length + 1 }, detailsOf(row));
  return [line, element("tr", { class: "details" }, details)];
}

function pick(id) {
  if (state.base === id) change({ base: state.other, other: "" });
  else if (state.other === id) change({ other: "" });
  else change(BY_ID.has(state.base) ? { other: id } : { base: id });
}

function showRows(rows, page) {
  const { pick: picked, open } = document.activeElement?.dataset ?? {};
  byId("rows").replaceChildren(...rows.slice((page - 1) * PER_PAGE, page * PER_PAGE).flatMap(lineOf));
  for (const [name, id] of Object.entries({ pick: picked, open })) {  // keep the focus where it was
    if (id) byId("rows").querySelector(`[data-${name}="${CSS.escape(id)}"]`)?.focus();
  }
}

function showControls(rows, page, pages) {
  for (const name of [...FILTERS, "query"]) {
    if (byId(name).value !== state[name]) byId(name).value = state[name];
  }
  byId("sound").checked = state.sound !== "";
  const count = rows.length === ROWS.length ? `${rows.length} rows of ${RUNS.length} ${RUNS.length === 1 ? "run" : "runs"}`
    : `${rows.length} of ${ROWS.length} rows`;
  const status = count + (pages > 1 ? `, page ${page} of ${pages}` : "");
  if (byId("status").textContent !== status) byId("status").textContent = status;
  byId("page").textContent = `page ${page} of ${pages}`;
  byId("previous").disabled = page <= 1;
  byId("next").disabled = page >= pages;
  byId("pages").hidden = pages < 2;
  for (const button of byId("chart-names").children) {
    button.setAttribute("aria-pressed", String(button.dataset.chart === state.chart));
  }
}

function showChart(rows) {
  const row = BY_ID.get(state.open) ?? rows.find((one) => one.centre !== null);
  const charts = row ? DATA.charts[row.section] : {};
  const name = Object.hasOwn(charts, state.chart) ? state.chart : "seconds";
  const which = row?.id === state.open ? "the open row" : "the first row";
  byId("charts-about").textContent = row ? `${row.variant}, ${row.images.toLocaleString("en")} images on `
    + `${row.machine}, ${row.threads} threads, ${row.date}: all rows that were measured side by side with `
    + `${which}. Click a mark to open its row.` : "";
  const wanted = `${name} ${row?.section} ${byId("chart").clientWidth}`;
  if (wanted === drawn) return;
  drawn = wanted;
  drawChart(byId("chart"), name, charts[name], (datum) => {
    const clicked = ROWS.find((one) => one.section === row.section && one.name === datum?.row);
    if (clicked) reveal(clicked.id);
  });
}

function reveal(id) {  // opens a row wherever it stands, without a filter if one hides it
  const { chart, base, other, sweep } = state;
  const hidden = !selected(state).some((row) => row.id === id);
  const changes = hidden ? { ...DEFAULTS, chart, base, other, sweep } : {};
  const place = selected({ ...state, ...changes }).findIndex((row) => row.id === id);
  change({ ...changes, open: id, page: String(Math.floor(place / PER_PAGE) + 1) });
  document.querySelector('[data-open][aria-expanded="true"]')?.focus();
}

function show() {
  const rows = selected(state);
  const pages = Math.max(1, Math.ceil(rows.length / PER_PAGE));
  const page = Math.min(pages, Math.max(1, Math.trunc(Number(state.page)) || 1));
  showHeaders();
  showRows(rows, page);
  showControls(rows, page, pages);
  byId("compared").replaceChildren(...comparisonOf(BY_ID.get(state.base), BY_ID.get(state.other)));
  showChart(rows);
  showSweep(state.sweep, (sweep) => change({ sweep }));
}

function turn(by) {
  change({ page: String(Math.max(1, (Number(state.page) || 1) + by)) });
  byId("results").scrollIntoView();
}

function listen() {
  byId("filters").addEventListener("submit", (event) => event.preventDefault());
  byId("query").addEventListener("input", () => change({ query: byId("query").value, page: "1" }));
  byId("sound").addEventListener("change",
    ({ target }) => change({ sound: target.checked ? "1" : "", page: "1" }));
  byId("sweep").addEventListener("change", () => change({ sweep: byId("sweep").value }));
  byId("clear").addEventListener("click", () => change(DEFAULTS));
  byId("previous").addEventListener("click", () => turn(-1));
  byId("next").addEventListener("click", () => turn(1));
  for (const button of byId("chart-names").children) {
    button.addEventListener("click", () => change({ chart: button.dataset.chart }));
  }
  addEventListener("hashchange", () => { state = readState(); show(); });
  addEventListener("resize", show);
}

document.body.append(tip);
fillSelects();
fillHeaders();
listen();
byId("problem-list").append(...DATA.problems.map((problem) => element("li", {}, problem)));
byId("problems").hidden = !DATA.problems.length;
showFleets();
show();
document.documentElement.dataset.ready = String(Math.round(performance.now()));
