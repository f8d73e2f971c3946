// The charts of the rows that were measured side by side with one row.

const TEMPLATES = JSON.parse(document.getElementById("templates").textContent);
const tip = element("div", { id: "tip", hidden: true });
let embedded = null;
let turns = 0;

function besideRow(row) {
  return ROWS.filter((one) => one.section === row.section && one.centre !== null)
    .sort((a, b) => (a.blocked !== null) - (b.blocked !== null) || a.centre - b.centre || a.number - b.number);
}

function chartNames(rows) {
  const several = new Set(rows.map((row) => row.device)).size > 1;
  const taken = new Map();
  return rows.map((row) => {
    const full = several ? `${row.backend} ${row.device}` : row.backend;
    const name = full.length > DATA.charts.letters ? full.slice(0, DATA.charts.letters - 1) + "…" : full;
    taken.set(name, (taken.get(name) || 0) + 1);
    return taken.get(name) === 1 ? name : `${name} #${taken.get(name)}`;
  });
}

const isWide = (values) => Math.max(...values) > DATA.charts.wide * Math.min(...values);

const CHART_DATA = {
  seconds(rows, names) {
    const trials = rows.flatMap((row, index) => row.seconds.map((seconds, at) =>
      ({ row: names[index], seconds, round: row.rounds[at] + 1, sound: row.blocked === null, id: row.id })));
    const largest = Math.max(...trials.map((one) => one.seconds));
    const summary = rows.map((row, index) => ({
      row: names[index], low: row.low ?? row.centre, centre: row.centre,
      high: Math.min(row.high ?? row.centre, 10 * row.centre), sound: row.blocked === null,
      label: row.interval + (row.blocked === null ? "" : " (marked)"), id: row.id }));
    const lines = DATA.lines[rows[0].section].map(([name, seconds]) => ({ name, seconds }))
      .filter((line) => line.seconds <= DATA.charts.fits * largest);
    return { log: isWide(trials.map((one) => one.seconds)), data: { trials, rows: summary, lines } };
  },
  accuracy(rows, names) {
    const points = rows.flatMap((row, index) => row.when.map((seconds, at) =>
      ({ row: names[index], epoch: at + 1, seconds, accuracy: row.reached[at], id: row.id })));
    const best = Math.max(...points.map((point) => point.accuracy));
    const goals = DATA.workloads[rows[0].workload].goals.filter((goal) => goal <= best);
    const keys = rows.map((row, index) => {
      const taken = goals.length ? row.toAccuracy[goals.length - 1] : null;
      const figure = taken === null ? "" : `, ${significant(taken, 2)} s`;
      return { row: names[index], slot: 24 + DATA.charts.slot * index, label: names[index] + figure, id: row.id };
    });
    const heading = [{ slot: 4, label: goals.length ? `seconds to ${goals[goals.length - 1]}` : "" }];
    const data = { points, goals: goals.map((accuracy) => ({ accuracy })), names: keys, heading };
    return { log: isWide(rows.map((row) => row.when[row.when.length - 1])), data };
  },
  phases(rows, names, width) {
    const bars = rows.map((row, index) => ({ row, name: names[index], total: row.phases.reduce((a, b) => a + b, 0) }))
      .sort((a, b) => a.total - b.total);
    const totals = bars.map((bar) => bar.total);
    const limit = DATA.charts.cut * middle(sorted(totals));
    const most = Math.max(...totals);
    const scale = most <= limit ? most : 1.1 * Math.max(...totals.filter((total) => total <= limit));
    const parts = bars.flatMap((bar) => stackedParts(bar, scale, width));
    const ends = bars.map(({ row, name, total }) => ({ row: name, total: Math.min(total, scale), id: row.id,
      label: `${significant(total, 3)} s${total > scale ? ", cut" : ""}` }));
    return { log: false, data: { parts, totals: ends } };
  },
};

function stackedParts({ row, name }, scale, width) {
  let start = 0;
  return row.phases.flatMap((seconds, index) => {
    const from = start;
    start += seconds;
    const to = Math.min(start, scale);
    if (from >= to) return [];
    const phase = DATA.phases[index];
    const room = (to - from) / scale * width - 6;
    const labels = [`${phase} ${significant(seconds, 2)}`, phase, ""];
    const label = labels.find((one) => one.length * DATA.charts.letter <= room || one === "");
    return [{ row: name, phase, seconds, from, to, middle: (from + to) / 2, label, id: row.id }];
  });
}

/** Draw a chart of the rows beside one; `opened` is called with the id of a mark clicked on. */
async function drawChart(name, row, opened) {
  const turn = ++turns;
  const figure = document.getElementById("chart");
  const rows = row ? besideRow(row) : [];
  tip.hidden = true;
  if (!rows.length) {
    embedded?.finalize();
    embedded = null;
    figure.replaceChildren(element("p", { class: "muted" }, "No trial to draw."));
    return;
  }
  const found = await vegaEmbed(element("div"), specOf(name, rows, figure.clientWidth), {
    mode: "vega-lite", renderer: "svg", actions: false, defaultStyle: false,
    tooltip: (_, event, item, value) => showTip(event, value) });
  if (turn !== turns) return found.finalize();  // another one was asked for in the meantime
  embedded?.finalize();
  embedded = found;
  found.view.addEventListener("click", (_, item) => item?.datum?.id && opened(item.datum.id));
  figure.replaceChildren(found.view.container());
  figure.dataset.chart = name;
}

function specOf(name, rows, room) {
  const template = TEMPLATES[room < 700 ? "narrow" : "wide"][name];
  const width = Math.max(150, Math.min(room, 1100) - template.around);
  const { log, data } = CHART_DATA[name](rows, chartNames(rows), width);
  const spec = template[log ? "log" : "linear"];
  const layer = spec.layer.filter((one) => data[one.data.name].length);
  return { ...spec, layer, datasets: data, width };
}

function showTip(event, value) {
  tip.hidden = !value;
  if (!value) return;
  tip.textContent = Object.entries(value).map(([name, one]) => `${name}: ${one}`).join("\n");
  const left = Math.min(event.pageX + 14, document.documentElement.clientWidth - tip.offsetWidth - 8);
  tip.style.left = `${Math.max(8, left)}px`;
  tip.style.top = `${event.pageY + 14}px`;
}
