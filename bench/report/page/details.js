// What opens below a row, and the comparison of two picked rows.

function detailsOf(row) {
  const run = DATA.runs[row.run];
  const workload = DATA.workloads[row.workload];
  const goals = workload.goals.map((goal, index) =>
    `${goal} after ${row.toAccuracy[index] === null ? "– (not reached)" : row.toAccuracy[index] + " s"}`);
  const phases = row.phases.map((value, index) => `${DATA.phases[index]} ${significant(value, 2)}`);
  const trials = row.seconds.map((value, index) => `${row.rounds[index] + 1}: ${significant(value, 4)}`);
  const doubts = element("div", { class: "doubt" });
  for (const mark of row.marks) doubts.append(element("p", {}, `In doubt: ${mark}`));
  for (const failure of row.failures) doubts.append(element("p", {}, `Failed: ${failure}`));
  return element("div", { class: "inside" }, doubts,
    definitions([
      ["Workload", `${workload.words} (${row.workload})`],
      ["Proof", row.proof],
      ["Seconds per epoch, by round", trials.join(", ")],
      ["Seconds of a trial", phases.join(", ")],
      ["Accuracy reached, start-up included", row.toAccuracy.length ? goals.join(", ") : ""],
      ["Peak memory", row.memory === null ? "" : `${Math.round(row.memory / 1e6)} MB`],
      ["Software", row.stack],
      ["Inputs", row.inputs],
      ["Run", `${run.name}, ${run.created}, bench ${run.bench}, ${run.threads} threads`],
      ["Machine", DATA.machines[run.machine].facts.map(([name, value]) => `${name} ${value}`).join(", ")],
    ]),
    element("p", { class: "muted" }, "Reproduce:"),
    element("pre", { tabindex: "0", class: "command", "aria-label": "Command that reproduces the run" }, run.command));
}

function nameOf(row) {
  return `${row.backend} ${row.version} on ${row.device}, ${row.machine}, ${row.date}`;
}

function comparisonOf(base, other) {
  if (!base && !other) {
    return [element("p", { class: "muted" }, "Pick two rows with the boxes of the table.")];
  }
  if (!base || !other) {
    return [element("p", {}, `Picked: ${nameOf(base || other)}. Pick another one.`)];
  }
  const found = compareRows(base, other, DATA.methods);
  const names = definitions([["First (base)", nameOf(base)], ["Second", nameOf(other)]]);
  if (found.reason) {
    return [names, element("p", { class: "verdict doubt" }, `Not comparable: ${found.reason}.`)];
  }
  return [names, element("p", { class: "verdict" }, verdictOf(found)), ...cautions(base, other)];
}

function verdictOf({ low, centre, high, trials, verdict }) {
  const digits = (value) => value < 10 ? value.toFixed(3) : significant(value, 4);
  const rounds = `${trials} ${trials === 1 ? "round" : "rounds"}`;
  if (low === null) return `second / first: ${digits(centre)}, from ${rounds}: no difference shown.`;
  const interval = `${digits(centre)} [${digits(low)}, ${digits(high)}]`;
  const words = verdict === "no difference shown" ? verdict : `the second is ${verdict}`;
  return `second / first: ${interval} seconds per epoch, 95 %, ${rounds}: ${words}.`;
}

function cautions(base, other) {
  if (base.run === other.run) return [];
  const differing = [["machine", "machine"], ["threads", "threads"], ["device", "device"], ["stack", "software"]]
    .filter(([field]) => base[field] !== other[field])
    .map(([field, name]) => `${name}: ${base[field]} → ${other[field]}`);
  return [
    element("p", { class: "muted" }, "Two runs, two moments: what the machine was like then is part of the ratio."),
    ...differing.map((line) => element("p", { class: "muted" }, line)),
  ];
}
