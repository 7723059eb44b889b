// Texts as strips of tiles, under two sliders: which text, and how much of it. Everything was computed
// before; here it is only shown.

const KINDS = new Map([[null, "given"], [true, "right"], [false, "wrong"]]);

/** How many are right, and where the first wrong one is: Strip.summary, word for word. */
function summaryOf(marks) {
  const judged = marks.filter((mark) => mark !== null);
  const right = judged.filter(Boolean).length;
  if (!judged.length) return "all given";
  if (right === judged.length) return `${right} of ${right} right: all right`;
  return `${right} of ${judged.length} right; first wrong: position ${marks.indexOf(false)}`;
}

function render({ model, el }) {
  const strips = model.get("_strips");
  const { label, length_label, stops, longest } = model.get("_knobs");
  const perRow = model.get("_per_row");
  const root = make(el, "div", {
    class: "mygpt-live mygpt-strips", role: "group", "aria-label": label,
  });
  const panel = make(root, "div", { class: "knobs" });
  const counts = Array.from({ length: longest }, (_, i) => String(i + 1));
  const follow = [
    makeKnob(panel, model, label, stops, {
      knob: "strip", get: () => model.get("strip"), set: (place) => model.set("strip", place),
    }),
    makeKnob(panel, model, length_label, counts, {
      knob: "length", get: () => model.get("length") - 1,
      set: (place) => model.set("length", place + 1),
    }),
  ];
  const title = make(root, "div", { class: "title", "aria-hidden": "true" });
  // Above the tiles: below them, a short text would leave them far away.
  const summary = make(root, "p", { class: "summary" });
  const facts = make(root, "p", { class: "facts" });
  const legend = make(root, "p", { class: "legend" });
  for (const [kind, text] of [["given", "given"], ["right", "right"], ["wrong", "✕ wrong"]])
    make(make(legend, "span"), "span", { class: `key ${kind}`, "aria-hidden": "true" }).after(text);
  const table = make(root, "table", { class: "tiles" });
  const caption = make(table, "caption");
  const body = make(table, "tbody");
  const tiles = [];
  for (let first = 0; first < longest; first += perRow) {
    const row = make(body, "tr");
    make(row, "th", { scope: "row" }, String(first));
    for (let column = 0; column < perRow; column++) {
      const cell = make(row, "td");
      const tile = make(cell, "div");
      if (first + column < longest)
        tiles.push({ tile, cross: make(tile, "span", { class: "cross" }), text: make(tile, "bdi") });
    }
  }
  const widest = Math.max(...strips.flatMap(({ tokens }) => tokens.map(([short]) => short.length)));
  table.classList.toggle("small", widest > 5);

  return paintOnChange(model, () => {
    for (const knob of follow) knob();
    const now = strips[model.get("strip")];
    const shown = now.right.slice(0, model.get("length"));
    tiles.forEach(({ tile, cross, text }, i) => {
      // A tile that is not shown keeps its place, so that nothing below moves with the slider.
      tile.className = i < shown.length ? `tile ${KINDS.get(shown[i])}` : "";
      say(cross, shown[i] === false ? "✕" : "");
      say(text, i < shown.length ? now.tokens[i][0] : "");
      tile.title = i < shown.length ? `position ${i}: ${now.tokens[i][1]}` : "";
    });
    [...body.rows].forEach((row, i) => row.classList.toggle("later", i * perRow >= shown.length));
    say(title, now.title);
    say(caption, now.title);
    say(summary, summaryOf(shown));
    say(facts, now.facts);
  });
}

export default { render };
