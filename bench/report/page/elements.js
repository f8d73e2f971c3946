// Elements made of texts: whatever is shown goes through here, as text and never as markup.

function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (typeof value === "function") made.addEventListener(name, value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== null && value !== false) made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

function definitions(pairs) {
  return element("dl", {}, ...pairs.flatMap(([name, value]) =>
    value ? [element("dt", {}, name), element("dd", {}, value)] : []));
}

const byId = (id) => document.getElementById(id);
