// Elements made of texts: whatever is shown goes through here, as text and never as markup.

function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name === "on") for (const [event, act] of Object.entries(value)) made.addEventListener(event, act);
    else if (value !== null && value !== undefined && value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.map((child) => child instanceof Node ? child : String(child)));
  return made;
}

function significant(value, digits) {
  if (value === null) return "–";
  const plain = value !== 0 && Math.abs(value) >= 1e-5 && Math.abs(value) < 10 ** digits;
  return plain ? value.toPrecision(digits) : Number(value.toPrecision(digits)).toLocaleString("en", { maximumFractionDigits: 6 });
}

function definitions(pairs) {
  const list = element("dl");
  for (const [name, value] of pairs) {
    if (value === "" || value === null || value === undefined) continue;
    list.append(element("dt", {}, name), element("dd", {}, value));
  }
  return list;
}
