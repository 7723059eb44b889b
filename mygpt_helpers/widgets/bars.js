// A distribution as a table whose rows are tokens with their bars, so that a screen reader and a test
// read the same numbers as the eye.

const missing = (probs) => Math.max(0, 1 - probs.reduce((sum, p) => sum + p, 0));

const SIGNS = {
  chosen: "◆ chosen",
  top: "▲ top",
  cut: "✕ cut",
  kept: "✓ kept",
  used: "↺ used",
  only: "◆ only this",
  other: "◇ only other",
};

/** Say what has become of a token. On a phone a table with many columns shows the sign alone. */
function saySign(node, word) {
  const text = SIGNS[word] ?? "";
  if (node.textContent === text) return;
  node.textContent = text.slice(0, 1);
  if (text) make(node, "span", { class: "word" }, text.slice(1));
}

/**
 * Add a row for one token, or for all the others; before: its probability by the model alone. choose:
 * what a press on the token does, if anything.
 */
function makeRow(parent, before, choose) {
  const row = make(parent, "tr");
  const head = make(row, "th", { scope: "row" });
  const token = choose ? makeButton(head, "", choose) : head;
  const cell = make(row, "td", { class: "bars" });
  const track = make(cell, "div", { class: "track", "aria-hidden": "true" });
  const solid = make(track, "div", { class: "solid", style: "width: 100%" });
  const outline = before === undefined ? undefined : make(track, "div", { class: "outline" });
  const outlineAt = (part) => outline?.style.setProperty("width", `${100 * part}%`);
  outlineAt(before);
  const number = make(row, "td", { class: "number" });
  const state = make(row, "td", { class: "state" });
  return {
    row,
    outlineAt,
    /** The token's text, made visible in Python; quote: what stands before and after it. */
    label(short, whole = "", quote = '"') {
      if (token.title === whole && token.textContent === quote + short + quote) return;
      token.title = whole;
      token.replaceChildren(quote, make(token, "bdi", {}, short), quote); // isolates right-to-left
    },
    show(probability, word) {
      say(number, probability === undefined ? "–" : probability.toFixed(3));
      solid.style.transform = `scaleX(${probability ?? 0})`;
      row.dataset.state = word;
      saySign(state, word);
    },
  };
}

/** Say a sentence that has a token's text in it, as whose the page treats it. */
function sayToken(node, before, [short, whole], after) {
  if (node.textContent === before + short + after) return;
  node.replaceChildren(before, make(node, "bdi", { title: whole }, short), after);
}

/** How many tokens are kept, if not all, and how unsure the distribution is. */
function factsOf({ num_kept, vocab_size, entropy }) {
  const all = num_kept === vocab_size;
  const cut = all ? "" : `${commas(num_kept)} of ${commas(vocab_size)} tokens kept. `;
  const choices = Math.exp(entropy);
  const equal = choices < 1000 ? choices.toFixed(1) : commas(Number(choices.toPrecision(3)));
  return `${cut}Entropy ${entropy.toFixed(3)} nats: as unsure as between ${equal} equal choices.`;
}

/** Add the heading of the bars: the numbers of their axis. */
function makeAxis(names) {
  const style = "display: flex; justify-content: space-between";
  const axis = make(make(names, "td", { class: "bars" }), "div", { style, "aria-hidden": "true" });
  for (const tick of ["0", "0.5", "1"]) make(axis, "span", {}, tick);
}

/**
 * Add the table, with at most so many rows. The function returned shows what sent_distribution() in
 * steps.py describes, and returns the facts on it. before: the outlines, by the model alone, if there
 * are to be any; what is shown may bring others. choose(i): called when the token of row i is pressed.
 */
function makeBars(parent, most, before = [], choose) {
  const [caption, head, body] = makeTable(parent, "tokens");
  const names = make(head, "tr");
  make(names, "th", { scope: "col" }, "token");
  makeAxis(names);
  make(names, "th", { scope: "col", class: "number" }, "prob.");
  make(names, "th", { scope: "col", class: "state" }, "state");
  const rows = Array.from({ length: most }, (_, i) =>
    makeRow(body, before[i], choose && (() => choose(i))));
  const others = makeRow(make(body.parentElement, "tfoot"), before.length ? missing(before) : undefined);

  return function show({ title, labels, after = [], cut = [], largest, rest_mass, chosen, ...whole }) {
    say(caption, `Next-token probabilities${title && `: ${title}`}`);
    rows.forEach(({ row, label, show, outlineAt }, i) => {
      row.hidden = i >= labels.length;
      if (row.hidden) return;
      const word = cut[i] ? "cut" : after[i] >= largest ? "top" : "";
      label(...labels[i]);
      show(after[i], i === chosen ? "chosen" : word);
      if (whole.before) outlineAt(whole.before[i]);
    });
    const count = whole.vocab_size - labels.length;
    others.row.hidden = count === 0;
    others.label(`${commas(count)} other${count > 1 ? "s" : ""}`, "", "");
    if (whole.before) others.outlineAt(missing(whole.before));
    others.show(rest_mass, after.length && after.every((p) => p < largest) ? "top" : "");
    return after.length ? factsOf(whole) : "";
  };
}

