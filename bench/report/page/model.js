// The rows as objects, and which of them are shown: that is all in the page's address.

const DATA = JSON.parse(byId("data").textContent);
const PER_PAGE = 50;
const COLUMNS = [
  { key: "backend", title: "backend" },
  { key: "centre", title: "s per epoch [95 %]", number: true, show: "interval" },
  { key: "accuracy", title: "test accuracy", number: true, show: "quality" },
  { key: "version", title: "version" },
  { key: "device", title: "device" },
  { key: "variant", title: "variant" },
  { key: "images", title: "images", number: true },
  { key: "machine", title: "machine", wraps: true },
  { key: "threads", title: "threads", number: true },
  { key: "trials", title: "trials", number: true },
  { key: "status", title: "status" },
  { key: "created", title: "date", show: "date" },
];
const FILTERS = ["machine", "variant", "device", "backend"];
const DEFAULTS = { query: "", machine: "", variant: "", device: "", backend: "", sound: "",
  sort: "created", order: "descending", page: "1", open: "", base: "", other: "", chart: "seconds", sweep: "" };

const RUNS = DATA.runs;
const ROWS = DATA.rows.map((row, number) => {
  const { file, created, machine, threads } = RUNS[row.run];
  const varied = row.threads === threads ? [] : [row.threads];
  return { ...row, file, created, machine, number, date: created.slice(0, 10),
    id: [file, row.backend, row.device, row.workload, ...varied].join("~") };
});
const BY_ID = new Map(ROWS.map((row) => [row.id, row]));

function readState() {
  const found = new URLSearchParams(location.hash.slice(1));
  const read = (key) => [key, found.get(key) ?? DEFAULTS[key]];
  const state = Object.fromEntries(Object.keys(DEFAULTS).map(read));
  const sorts = COLUMNS.some((column) => column.key === state.sort);
  return sorts ? state : { ...state, sort: DEFAULTS.sort };
}

function addressOf(state) {
  const changed = Object.entries(state).filter(([key, value]) => value !== DEFAULTS[key]);
  return "#" + new URLSearchParams(changed);
}

const cellOf = (row, { key, show }) => row[show ?? key].toLocaleString("en");

function haystack(row) {
  row.hay ??= [...COLUMNS.map((column) => cellOf(row, column)), row.software, row.workload, row.created, row.file,
    row.doubt].join(" ").toLowerCase();
  return row.hay;
}

function selected(state) {
  const words = state.query.toLowerCase().split(/\s+/).filter(Boolean);
  const rows = ROWS.filter((row) => (!state.sound || !row.doubt)
    && FILTERS.every((name) => state[name] === "" || row[name] === state[name])
    && words.every((word) => haystack(row).includes(word)));
  const sign = state.order === "descending" ? -1 : 1;
  return rows.sort((a, b) => ordered(a[state.sort], b[state.sort], sign) || a.number - b.number);
}

function ordered(a, b, sign) {  // what is absent comes last, whichever the order
  if (a === null || b === null) return (a === null) - (b === null);
  return a < b ? -sign : a > b ? sign : 0;
}
