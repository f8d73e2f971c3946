// Charts: of the rows that were measured side by side, and of sweeps.

const TEMPLATES = JSON.parse(byId("templates").textContent);
const tip = element("div", { id: "tip", hidden: true });
const drawings = new Map();  // by figure: how often it was asked for, and what is embedded

/** Draw a chart in a figure; `clicked` is called with the data of a mark clicked on. */
async function drawChart(figure, name, chart, clicked = () => {}) {
  const { turn: last = 0, embedded } = drawings.get(figure) ?? {};
  const turn = last + 1;
  drawings.set(figure, { turn, embedded });
  tip.hidden = true;
  if (!chart) {
    figure.replaceChildren(element("p", { class: "muted" }, "There is no trial to draw."));
    return;
  }
  const found = await vegaEmbed(element("div"), specOf(name, chart, figure.clientWidth), {
    mode: "vega-lite", renderer: "svg", actions: false, defaultStyle: false,
    tooltip: (_, event, item, value) => showTip(event, value) });
  if (turn !== drawings.get(figure).turn) return found.finalize();  // another one was asked for by now
  drawings.get(figure).embedded?.finalize();
  drawings.set(figure, { turn, embedded: found });
  found.view.addEventListener("click", (_, item) => clicked(item?.datum));
  figure.replaceChildren(found.view.container());
  figure.dataset.chart = name;
}

function specOf(name, { log, height, data, axis }, room) {
  const template = TEMPLATES[name][Number(room < 700)][Number(log)];
  const layer = template.layer.filter((one) => data[one.data.name].length).map((one) => withAxis(one, axis));
  const width = Math.max(300, Math.min(room, 1100));
  return { ...template, layer, datasets: structuredClone(data), height, width };  // Vega marks its data
}

function withAxis(layer, axis) {  // what only the chart knows of its horizontal axis
  if (!Object.keys(axis).length) return layer;
  const { x, ...others } = layer.encoding;
  return { ...layer, encoding: { ...others, x: { ...x, axis: { ...x.axis, ...axis } } } };
}

function showTip(event, value) {
  tip.hidden = !value;
  if (!value) return;
  tip.textContent = Object.entries(value).map(([name, one]) => `${name}: ${one}`).join("\n");
  const left = Math.min(event.pageX + 14, document.documentElement.clientWidth - tip.offsetWidth - 8);
  tip.style.left = `${Math.max(8, left)}px`;
  tip.style.top = `${event.pageY + 14}px`;
}
