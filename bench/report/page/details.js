// What opens below a row, and the comparison of two picked rows.

function detailsOf(row) {
  const { file, created, bench, machine, facts, command } = RUNS[row.run];
  return element("div", { class: "inside" },
    definitions([
      ...row.details,
      ["Software", row.software],
      ["Inputs", row.inputs],
      ["Run", `${file}, ${created}, version ${bench}, ${row.threads} threads`],
      ["Machine", facts || machine],
    ]),
    element("p", { class: "muted" }, "Reproduce:"),
    element("pre", { tabindex: "0", "aria-label": "Command that reproduces the run" }, command));
}

const nameOf = (row) => `${row.backend} ${row.version} on ${row.device}, ${row.machine}, ${row.date}`;

function comparisonOf(base, other) {
  const line = (words, kind) => element("p", { class: kind }, words);
  if (!base && !other) return [line("Pick two rows with the check boxes of the table.", "muted")];
  if (!base || !other) return [line(`Picked: ${nameOf(base ?? other)}. Pick another one.`, null)];
  const names = definitions([["First (base)", nameOf(base)], ["Second", nameOf(other)]]);
  const reason = whyNot(base, other);
  if (reason) return [names, line(`Not comparable: ${reason}.`, "verdict doubt")];
  const found = ratioOf(base, other);
  if (!found) return [names, ...commandFor(base, other)];
  const notes = cautions(base, other).map((words) => line(words, "muted"));
  return [names, line(verdictOf(found), "verdict"), ...notes];
}

function commandFor(...rows) {
  const sides = rows.map(({ file, backend }) => `'${file}#${backend}'`);
  const about = "This page does not compare these two rows: there are too many pairs of runs, or the rows "
    + "share no round. This command does, in the folder of the run files:";
  const label = "Command that compares the rows";
  return [element("p", {}, about),
    element("pre", { tabindex: "0", "aria-label": label }, `python -m bench compare ${sides.join(" ")}`)];
}

/** Why two rows cannot be compared, by the rules of `bench compare`; null if they can. */
function whyNot(base, other) {
  if (base.workload !== other.workload) return `different workloads, ${base.workload} and ${other.workload}`;
  if (base.doubt) return `the first is ${base.status}: ${base.doubt}`;
  if (other.doubt) return `the second is ${other.status}: ${other.doubt}`;
  return base.inputs === other.inputs ? null : `different inputs, ${base.inputs} and ${other.inputs}`;
}

/** What the program found for second / first: [low, centre, high, pairs, verdict], or nothing. */
function ratioOf(base, other) {
  const found = DATA.ratios[other.number][base.number];
  const [low, centre, high, pairs, verdict] = found ?? DATA.ratios[base.number][other.number] ?? [];
  if (found || !centre) return found;
  return [high && 1 / high, 1 / centre, low && 1 / low, pairs, -verdict];
}

function verdictOf([low, centre, high, pairs, verdict]) {
  const shown = (value) => value === null ? "∞" : Number(value.toPrecision(4)).toString();
  const interval = pairs > 1 ? ` [${shown(low)}, ${shown(high)}] with 95 % confidence` : "";
  const words = ["the second is faster", "no difference shown", "the second is slower"][verdict + 1];
  return `Seconds per epoch, second / first: ${shown(centre)}${interval}, ${pairs} `
    + `${pairs === 1 ? "pair" : "pairs"}: ${words}.`;
}

function cautions(base, other) {
  if (base.run === other.run) return [];
  const names = ["machine", "threads", "device", "software"];
  const differing = names.filter((name) => base[name] !== other[name]);
  return ["The rows come from different runs, so part of the ratio may come from changed conditions.",
    ...differing.map((name) => `${name}: ${base[name]} → ${other[name]}`)];
}
