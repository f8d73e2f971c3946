// The rows as objects, and what of them is shown: that is all in the page's address.

const DATA = JSON.parse(document.getElementById("data").textContent);
const PER_PAGE = 50;
const TEXTUAL = ["backend", "version", "stack", "device", "workload", "inputs", "interval",
  "accuracyText", "proof", "blocked"];

const COLUMNS = [
  { key: "backend", title: "backend" },
  { key: "centre", title: "s per epoch [95 %]", number: true, show: (row) => row.interval },
  { key: "accuracy", title: "test accuracy", number: true, show: (row) => row.accuracyText },
  { key: "version", title: "version" },
  { key: "device", title: "device" },
  { key: "variant", title: "variant" },
  { key: "images", title: "images", number: true, show: (row) => row.images.toLocaleString("en") },
  { key: "machine", title: "machine", wraps: true },
  { key: "threads", title: "threads", number: true },
  { key: "trials", title: "trials", number: true },
  { key: "proved", title: "proved" },
  { key: "date", title: "date" },
];

function rowOf(values, number) {
  const row = { number };
  DATA.fields.forEach((field, index) => { row[field] = values[index]; });
  for (const field of TEXTUAL) row[field] = row[field] === null ? null : DATA.texts[row[field]];
  for (const field of ["marks", "failures"]) row[field] = row[field].map((one) => DATA.texts[one]);
  row.trials = row.rounds.length;
  const run = DATA.runs[row.run];
  const machine = DATA.machines[run.machine];
  const workload = DATA.workloads[row.workload];
  return Object.assign(row, {
    machine: machine.title, slug: machine.slug, variant: workload.variant,
    images: workload.images, threads: run.threads,
    proved: row.blocked === null ? "yes" : row.trials === 0 ? "failed" : "in doubt", date: run.created.slice(0, 10),
    created: run.created, runName: run.name,
  });
}

const ROWS = DATA.rows.map(rowOf);
const seenInRun = new Map();
for (const row of ROWS) {  // a name that stays the same when other runs are added
  const place = seenInRun.get(row.run) || 0;
  seenInRun.set(row.run, place + 1);
  row.id = `${row.runName}~${place}`;
}
const BY_ID = new Map(ROWS.map((row) => [row.id, row]));
const FILTERS = ["machine", "variant", "device", "backend"];
const DEFAULTS = { query: "", machine: "", variant: "", device: "", backend: "", sound: "",
  sort: "date", order: "descending", page: "1", open: "", base: "", other: "", chart: "seconds" };

function readState() {
  const found = new URLSearchParams(location.hash.slice(1));
  const state = {};
  for (const key of Object.keys(DEFAULTS)) state[key] = found.get(key) ?? DEFAULTS[key];
  if (!COLUMNS.some((column) => column.key === state.sort)) state.sort = DEFAULTS.sort;
  return state;
}

function addressOf(state) {
  const changed = Object.entries(state).filter(([key, value]) => value !== DEFAULTS[key]);
  return "#" + new URLSearchParams(changed).toString();
}

function haystack(row) {
  row.hay ??= [row.backend, row.version, row.stack, row.machine, row.device, row.variant,
    row.workload, row.created, row.runName, row.blocked ?? ""].join(" ").toLowerCase();
  return row.hay;
}

function selected(state) {
  const words = state.query.toLowerCase().split(/\s+/).filter(Boolean);
  const wanted = FILTERS.filter((name) => state[name] !== "");
  const rows = ROWS.filter((row) => wanted.every((name) => row[name] === state[name])
    && (!state.sound || row.blocked === null)
    && words.every((word) => haystack(row).includes(word)));
  const sign = state.order === "descending" ? -1 : 1;
  const key = state.sort === "date" ? "created" : state.sort;
  return rows.sort((a, b) => sign * ordered(a[key], b[key], sign)
    || ordered(b.created, a.created, 1) || a.number - b.number);
}

function ordered(a, b, sign) {  // what is absent comes last, whichever the order
  if (a === null || b === null) return sign * ((a === null) - (b === null));
  return a < b ? -1 : a > b ? 1 : 0;
}
