// The charts of the rows that were measured side by side with one row.

const TEMPLATES = JSON.parse(byId("templates").textContent);
const tip = element("div", { id: "tip", hidden: true });
let embedded = null;
let turns = 0;

/** Draw a chart of the rows beside one; `opened` is called with the id of a mark clicked on. */
async function drawChart(name, row, opened) {
  const turn = ++turns;
  const figure = byId("chart");
  const chart = row && DATA.charts[row.section][name];
  tip.hidden = true;
  if (!chart) {
    figure.replaceChildren(element("p", { class: "muted" }, "There is no trial to draw."));
    return;
  }
  const found = await vegaEmbed(element("div"), specOf(name, chart, figure.clientWidth), {
    mode: "vega-lite", renderer: "svg", actions: false, defaultStyle: false,
    tooltip: (_, event, item, value) => showTip(event, value) });
  if (turn !== turns) return found.finalize();  // another one was asked for in the meantime
  embedded?.finalize();
  embedded = found;
  found.view.addEventListener("click", (_, item) => {
    const clicked = ROWS.find((one) => one.section === row.section && one.name === item?.datum?.row);
    if (clicked) opened(clicked.id);
  });
  figure.replaceChildren(found.view.container());
  figure.dataset.chart = name;
}

function specOf(name, { log, height, data }, room) {
  const template = TEMPLATES[name][Number(room < 700)][Number(log)];
  const layer = template.layer.filter((one) => data[one.data.name].length);
  const width = Math.max(300, Math.min(room, 1100));
  return { ...template, layer, datasets: structuredClone(data), height, width };  // Vega marks its data
}

function showTip(event, value) {
  tip.hidden = !value;
  if (!value) return;
  tip.textContent = Object.entries(value).map(([name, one]) => `${name}: ${one}`).join("\n");
  const left = Math.min(event.pageX + 14, document.documentElement.clientWidth - tip.offsetWidth - 8);
  tip.style.left = `${Math.max(8, left)}px`;
  tip.style.top = `${event.pageY + 14}px`;
}
