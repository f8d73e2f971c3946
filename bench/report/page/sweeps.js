// One sweep at a time: its chart, its sentences and its tables. The axis is chosen by click.

const SWEEPS = DATA.sweeps.map((sweep) => {
  const { file, machine, created } = RUNS[sweep.run];
  const label = `${sweep.title}, ${machine}, ${created.slice(0, 10)}`;
  return { ...sweep, label, id: `${file}~${sweep.title}` };
});
let shownSweep = "";

/** Show a sweep by its id, or the first one; `pick` is called with the id of another one. */
function showSweep(id, pick) {
  const sweep = SWEEPS.find((one) => one.id === id) ?? SWEEPS[0];
  byId("sweeps").hidden = !sweep;
  const wanted = sweep && `${sweep.id} ${byId("sweep-chart").clientWidth}`;
  if (!sweep || wanted === shownSweep) return;
  shownSweep = wanted;
  showAxes(sweep, pick);
  const along = SWEEPS.filter((one) => one.axis === sweep.axis);
  const options = along.map((one) => element("option", { value: one.id }, one.label));
  byId("sweep").replaceChildren(...options);
  byId("sweep").value = sweep.id;
  byId("sweep-words").replaceChildren(...sweep.words.map((words) => element("li", {}, words)));
  byId("sweep-tables").replaceChildren(...sweep.tables.flatMap(tableOf));
  const [[name, chart] = []] = Object.entries(sweep.charts);
  drawChart(byId("sweep-chart"), name, chart);
}

function showAxes({ axis, run }, pick) {
  const axes = [...new Set(SWEEPS.map((one) => one.axis))];
  const nearest = (name) => SWEEPS.find((one) => one.axis === name && one.run === run)
    ?? SWEEPS.find((one) => one.axis === name);
  const focused = document.activeElement?.dataset.axis;
  byId("axes").hidden = axes.length < 2;
  byId("axes").replaceChildren(...axes.map((name) => element("button", { type: "button", "data-axis": name,
    "aria-pressed": String(name === axis), click: () => pick(nearest(name).id) }, `by ${name}`)));
  if (focused) byId("axes").querySelector(`[data-axis="${CSS.escape(focused)}"]`)?.focus();
}

function tableOf({ title, headers, rows, left, notes }) {
  const align = (column) => ({ class: column < left ? null : "number" });
  const head = headers.map((name, column) => element("th", { scope: "col", ...align(column) },
    element("span", { class: "label" }, name)));
  const lines = rows.map(([name, ...cells]) => element("tr", {}, element("th", { scope: "row" }, name),
    ...cells.map((cell, column) => element("td", align(column + 1), cell))));
  const table = element("table", { "aria-label": title }, element("thead", {}, element("tr", {}, ...head)),
    element("tbody", {}, ...lines));
  return [element("h3", {}, title),
    element("div", { class: "scroller", tabindex: "0", role: "region", "aria-label": title }, table),
    ...notes.map((note) => element("p", { class: "muted" }, note))];
}

/** Show all fleets, once: nothing of them can be chosen. */
function showFleets() {
  byId("fleets").hidden = !DATA.fleets.length;
  byId("fleets").append(...DATA.fleets.flatMap(({ title, words, tables }) =>
    [element("h3", {}, title), element("p", {}, words), ...tables.flatMap(tableOf)]));
}
