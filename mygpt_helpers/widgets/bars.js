// What every picture of a distribution draws with: a table whose rows are tokens with their bars, so
// that a screen reader and a test read the same numbers as the eye.

function make(parent, tag, attributes = {}, text = "") {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.textContent = text; // token text is data: it never becomes markup
  parent.append(node);
  return node;
}

/** Change a text only where it differs, so that an unchanged row costs nothing. */
function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

const commas = (n) => n.toLocaleString("en-US");

/** Add the row of headings, with the axis of the bars. */
function makeHead(table) {
  const head = make(make(table, "thead"), "tr");
  make(head, "th", { scope: "col" }, "token");
  const axis = make(make(head, "td", { class: "bars" }), "div", { "aria-hidden": "true" });
  for (const tick of ["0", "0.5", "1"]) make(axis, "span", {}, tick);
  make(head, "th", { scope: "col", class: "number" }, "prob.");
  make(head, "th", { scope: "col", class: "state" }, "state");
}

/** Add a row for one token, or for all the others; before: its probability by the model alone. */
function makeRow(parent, before) {
  const row = make(parent, "tr");
  const token = make(row, "th", { scope: "row" });
  const track = make(make(row, "td", { class: "bars" }), "div", { "aria-hidden": "true" });
  const solid = make(track, "div", { class: "solid" });
  if (before !== undefined) // once: the model's own answer never moves
    make(track, "div", { class: "outline" }).style.width = `${100 * before}%`;
  const number = make(row, "td", { class: "number" });
  const state = make(row, "td", { class: "state" });
  return {
    /** short, whole: the token's text, made visible in Python. */
    label(short, whole) {
      if (token.title === whole && token.firstChild) return;
      token.title = whole;
      token.replaceChildren('"', make(token, "bdi", {}, short), '"'); // isolates right-to-left text
    },
    others(count) {
      say(token, `${commas(count)} other${count > 1 ? "s" : ""}`);
      row.hidden = count === 0;
    },
    show(probability, word) {
      say(number, probability === undefined ? "–" : probability.toFixed(3));
      solid.style.transform = `scaleX(${probability ?? 0})`;
      if (row.dataset.state === word) return;
      row.dataset.state = word;
      say(state, { top: "▲ top", cut: "✕ cut" }[word] ?? "");
    },
  };
}

/** How unsure the distribution is. */
function unsure(entropy) {
  const choices = Math.exp(entropy);
  const equal = choices < 1000 ? choices.toFixed(1) : commas(Math.round(choices));
  return `Entropy ${entropy.toFixed(3)} nats: as unsure as between ${equal} equal choices.`;
}

