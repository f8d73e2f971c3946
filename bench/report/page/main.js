// The table, and everything that changes when its state does.

let state = readState();
let drawn = "";
const byId = (id) => document.getElementById(id);

function change(changes) {
  state = { ...state, ...changes };
  history.replaceState(null, "", addressOf(state));
  show();
}

function fillSelects() {
  for (const name of FILTERS) {
    const values = [...new Set(ROWS.map((row) => row[name]))].sort();
    byId(name).append(element("option", { value: "" }, "all"));
    for (const value of values) byId(name).append(element("option", { value }, value));
    byId(name).addEventListener("change", () => change({ [name]: byId(name).value, page: "1" }));
  }
}

function fillHeaders() {
  byId("headers").append(element("th", { scope: "col" }, element("span", { class: "label" }, "pick")));
  for (const { key, title, number } of COLUMNS) {
    const button = element("button", { type: "button", on: { click: () => sortBy(key) } }, title, element("span", { "aria-hidden": "true" }));
    byId("headers").append(element("th", { scope: "col", "data-key": key, class: number ? "number" : null }, button));
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
    header.querySelector("span").textContent = current ? (state.order === "ascending" ? " ▲" : " ▼") : "";
  }
}

function lineOf(row) {
  const picked = row.id === state.base || row.id === state.other;
  const open = row.id === state.open;
  const box = element("input", { type: "checkbox", "data-pick": row.id, "aria-label": `compare ${nameOf(row)}`, on: { change: () => pick(row.id) } });
  box.checked = picked;
  const button = element("button", { type: "button", "data-open": row.id, "aria-expanded": String(open), on: { click: () => change({ open: open ? "" : row.id }) } }, row.backend);
  const cells = COLUMNS.slice(1).map(({ key, number, wraps, show }) => {
    const doubt = key === "proved" && row.blocked !== null;
    return element("td", { class: number ? "number" : wraps ? "wraps" : doubt ? "doubt" : null }, show ? show(row) : row[key] ?? "");
  });
  const classes = [row.blocked === null ? "" : "doubtful", open ? "open" : "", picked ? "picked" : ""];
  return element("tr", { class: classes.join(" ").trim() || null }, element("td", {}, box), element("th", { scope: "row" }, button), ...cells);
}

function pick(id) {
  if (state.base === id) change({ base: state.other, other: "" });
  else if (state.other === id) change({ other: "" });
  else if (!BY_ID.has(state.base)) change({ base: id });
  else change({ other: id });
}

function showRows(rows, page) {
  const focused = document.activeElement?.dataset ?? {};
  const lines = rows.slice((page - 1) * PER_PAGE, page * PER_PAGE).flatMap((row) => {
    const line = lineOf(row);
    if (row.id !== state.open) return [line];
    return [line, element("tr", { class: "details" }, element("td", { colspan: COLUMNS.length + 1 }, detailsOf(row)))];
  });
  byId("rows").replaceChildren(...lines);
  for (const [name, id] of Object.entries({ pick: focused.pick, open: focused.open })) {
    if (id) [...byId("rows").querySelectorAll(`[data-${name}]`)].find((one) => one.dataset[name] === id)?.focus();
  }
}

function showControls(rows, page, pages) {
  for (const name of FILTERS) byId(name).value = state[name];
  if (byId("query").value !== state.query) byId("query").value = state.query;
  byId("sound").checked = state.sound !== "";
  const status = rows.length === ROWS.length ? `${rows.length} rows of ${DATA.runs.length} runs` : `${rows.length} of ${ROWS.length} rows`;
  const shown = pages > 1 ? `, page ${page} of ${pages}` : "";
  if (byId("status").textContent !== status + shown) byId("status").textContent = status + shown;
  byId("page").textContent = `page ${page} of ${pages}`;
  byId("previous").disabled = page <= 1;
  byId("next").disabled = page >= pages;
  byId("pages").hidden = pages < 2;
  for (const button of document.querySelectorAll("[data-chart]")) {
    button.setAttribute("aria-pressed", String(button.dataset.chart === state.chart));
  }
}

function showChart(rows) {
  const row = BY_ID.get(state.open) ?? rows.find((one) => one.centre !== null);
  const name = Object.hasOwn(CHART_DATA, state.chart) ? state.chart : "seconds";
  byId("charts-about").textContent = row ? `${row.variant}, ${row.images.toLocaleString("en")} images on ${row.machine}, ${row.threads} threads, ${row.date}: the rows measured side by side with ${row.id === state.open ? "the open row" : "the first row"}. Click on a mark to open its row.` : "";
  const wanted = `${name} ${row?.section} ${byId("chart").clientWidth}`;
  if (wanted === drawn) return;
  drawn = wanted;
  byId("chart").setAttribute("aria-label", "Chart; its figures are in the table and in the rows' details");
  drawChart(name, row, reveal);
}

function reveal(id) {  // opens a row wherever it stands, without a filter if one hides it
  const filtered = selected(state).some((row) => row.id === id) ? {} : { ...DEFAULTS, chart: state.chart, base: state.base, other: state.other };
  const place = selected({ ...state, ...filtered }).findIndex((row) => row.id === id);
  change({ ...filtered, open: id, page: String(Math.floor(place / PER_PAGE) + 1) });
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
}

function listen() {
  byId("filters").addEventListener("submit", (event) => event.preventDefault());
  byId("query").addEventListener("input", () => change({ query: byId("query").value, page: "1" }));
  byId("sound").addEventListener("change", () => change({ sound: byId("sound").checked ? "1" : "", page: "1" }));
  byId("clear").addEventListener("click", () => change(DEFAULTS));
  byId("previous").addEventListener("click", () => turn(-1));
  byId("next").addEventListener("click", () => turn(1));
  for (const button of document.querySelectorAll("[data-chart]")) {
    button.addEventListener("click", () => change({ chart: button.dataset.chart }));
  }
  addEventListener("hashchange", () => { state = readState(); show(); });
  addEventListener("resize", () => show());
}

function turn(by) {
  change({ page: String(Math.max(1, (Number(state.page) || 1) + by)) });
  byId("results").scrollIntoView();
}

document.body.append(tip);
fillSelects();
fillHeaders();
listen();
for (const problem of DATA.problems) byId("problem-list").append(element("li", {}, problem));
byId("problems").hidden = !DATA.problems.length;
show();
document.documentElement.dataset.ready = String(Math.round(performance.now()));
