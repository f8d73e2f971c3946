// Ratios with their 95 % intervals, as bench/statistics.py finds them; its constants are data.

/** [low, centre, high] of a sample of logs, on the scale of ratios; no bounds from one value. */
function intervalOf(logs, methods) {
  const method = methods[logs.length];
  if (logs.length < 2 || !method) return [null, Math.exp(middle(sorted(logs))), null];
  const bounds = method.length === 1 ? student(logs, method[0]) : signedRank(logs, ...method);
  return bounds.map(Math.exp);
}

function student(logs, factor) {
  const mean = logs.reduce((sum, one) => sum + one, 0) / logs.length;
  const squares = logs.reduce((sum, one) => sum + (one - mean) ** 2, 0);
  const margin = factor * Math.sqrt(squares / (logs.length - 1));
  return [mean - margin, mean, mean + margin];
}

function signedRank(logs, near, cut) {
  const ordered = sorted(logs);
  const averages = [];
  for (let first = 0; first < ordered.length; first++) {
    for (let second = first; second < Math.min(ordered.length, first + near); second++) {
      averages.push((ordered[first] + ordered[second]) / 2);
    }
  }
  const inOrder = sorted(averages);
  return [inOrder[cut], middle(inOrder), inOrder[inOrder.length - 1 - cut]];
}

function sorted(values) {
  return Float64Array.from(values).sort();
}

function middle(inOrder) {
  const half = inOrder.length >> 1;
  return inOrder.length % 2 ? inOrder[half] : (inOrder[half - 1] + inOrder[half]) / 2;
}

/** New over base, paired by round: {reason} if they cannot be compared, else ratio and verdict. */
function compareRows(base, row, methods) {
  const reason = whyNot(base, row);
  if (reason) return { reason };
  const theirs = new Map(base.rounds.map((round, index) => [round, base.seconds[index]]));
  const logs = row.rounds.flatMap((round, index) =>
    theirs.has(round) ? [Math.log(row.seconds[index] / theirs.get(round))] : []);
  const [low, centre, high] = intervalOf(logs, methods);
  const shown = low !== null && (low > 1 || high < 1);
  const verdict = !shown ? "no difference shown" : centre < 1 ? "faster" : "slower";
  return { low, centre, high, trials: logs.length, verdict };
}

/** Why two rows cannot be compared, by the rules of `bench compare`; null if they can. */
function whyNot(base, row) {
  if (base.workload !== row.workload) return `different workloads, ${base.workload} and ${row.workload}`;
  for (const [side, one] of [["the first", base], ["the second", row]]) {
    if (one.blocked !== null) return `${side} is marked: ${one.blocked}`;
  }
  if (base.inputs !== row.inputs) return `different inputs, ${base.inputs} and ${row.inputs}`;
  const rounds = new Set(base.rounds);
  return row.rounds.some((round) => rounds.has(round)) ? null : "no round that both completed";
}
