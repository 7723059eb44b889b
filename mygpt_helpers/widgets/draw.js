// A draw: the probabilities laid end to end, the number that lands on one of them, and many draws
// counted. Where each seed's numbers land was found in Python; a moved number lands here.

/** The tokens that can be landed on. The function returned gives a number's place among them. */
function makeLanding({ edges, total }) {
  const numbers = numbersIn(edges, Float64Array);
  const starts = numbers.subarray(0, numbers.length / 2);
  const ends = numbers.subarray(numbers.length / 2);
  /** The token whose cumulative probability is the first to exceed u; -1 for one not sent. */
  return function land(u) {
    const at = u * total;
    const place = starts.findLastIndex((start) => start <= at);
    return at < ends[place] || place === ends.length - 1 ? place : -1;
  };
}

/** The line from 0 to 1, in the slider's column, so that u is where the slider's thumb is. */
function makeLine(parent, { spans, labels }, { choose, done }) {
  const line = make(parent, "div", { class: "knob", "aria-hidden": "true" }); // the table says it all
  make(line, "span", { class: "edge" }, "0");
  const strip = make(line, "div", { class: "laid" });
  make(line, "span", {}, "1");
  const parts = spans.map(([start, end], i) => {
    const style = `left: ${100 * start}%; width: ${100 * (end - start)}%`;
    const part = make(strip, "div", { style, title: labels[i][1] });
    if (end - start > 0.04) make(part, "bdi", {}, labels[i][0] || '""');
    return part;
  });
  const pointer = make(strip, "div", { class: "pointer" });
  function follow({ clientX, buttons }) {
    const { left, width } = strip.getBoundingClientRect();
    const place = Math.round((1000 * (clientX - left)) / width);
    if (buttons) choose(Math.min(Math.max(place, 0), 999) / 1000);
  }
  strip.addEventListener("pointerdown", (event) => {
    strip.setPointerCapture(event.pointerId);
    follow(event);
  });
  strip.addEventListener("pointermove", follow);
  strip.addEventListener("pointerup", done);
  return function show(u, row) {
    pointer.style.left = `${100 * u}%`;
    parts.forEach((part, i) => part.classList.toggle("chosen", i === row));
  };
}

/** A row for each token and one for the others, as bars.js has them, with more columns. */
function makeCounts(parent, { title, names, labels, ranges, probs }) {
  const [caption, head, body] = makeTable(parent, "tokens draws");
  say(caption, `The draw${title && `: ${title}`}`);
  const headings = make(head, "tr");
  for (const [kind, text] of [["", "token"], ["range", "if u is in"], ["number", "prob."],
    ["bars", ""], ["number", "times"], ["number", "share"], ["state", ""]])
    make(headings, text ? "th" : "td", { class: kind }, text);
  const axis = make(headings.cells[3], "div", { class: "scale", "aria-hidden": "true" });
  for (const at of ["0", "0.5", "1"]) make(axis, "span", {}, at);
  const foot = make(body.parentElement, "tfoot");
  const rows = names.map((name, i) => {
    const row = make(i < labels.length ? body : foot, "tr");
    const heading = make(row, "th", { scope: "row" }, labels[i] ? "" : name);
    if (labels[i]) {
      heading.title = labels[i][1];
      heading.append('"', make(heading, "bdi", {}, labels[i][0]), '"');
    }
    make(row, "td", { class: "range" }, ranges[i]);
    make(row, "td", { class: "number" }, probs[i].toFixed(3));
    const bars = make(row, "td", { class: "bars" });
    const track = make(bars, "div", { class: "track", "aria-hidden": "true" });
    const solid = make(track, "div", { class: "solid", style: "width: 100%" });
    make(track, "div", { class: "outline" }).style.width = `${100 * probs[i]}%`;
    const [times, share] = [0, 1].map(() => make(row, "td", { class: "number" }));
    return { solid, times, share, state: make(row, "td", { class: "state" }) };
  });
  return function show(counts, n, chosen) {
    rows.forEach(({ solid, times, share, state }, i) => {
      say(times, commas(counts[i]));
      say(share, (counts[i] / n).toFixed(3));
      solid.style.transform = `scaleX(${counts[i] / n})`;
      solid.classList.toggle("chosen", i === chosen);
      say(state, i === chosen ? "◀ u" : "");
    });
  };
}

// As pictures/draws.py has them.
const OWN = "This u is the step's own number; the counts are the seed's.";
const MOVED = "The bars count what the seed drew. Your u moves only the mark.";

/** How far shares and probabilities are apart, as Draws in pictures/draws.py says it. */
function gapText(counts, probs, n, seed) {
  if (n === 1) return `One draw, with seed ${seed}. More draws show how often each token comes.`;
  const gap = Math.max(...probs.map((p, i) => Math.abs(counts[i] / n - p)));
  const usual = Math.max(...probs.map((p) => Math.sqrt((p * (1 - p)) / n)));
  return `After ${commas(n)} draws with seed ${seed} the largest gap between share and prob. is `
    + `${gap.toFixed(3)}. About ${usual.toFixed(3)} is usual for one token.`;
}

export default livePicture("draw", ({ model, data, panel, title, body, facts }) => {
  const { names, labels, probs, firsts, reach } = data;
  const counted = numbersIn(data.counted, Uint8Array);
  const most = counted.length / firsts.length;
  const land = makeLanding(reach);
  panel.before(title); // it never changes
  const choose = (u) => model.set("u", u);
  const showOnLine = makeLine(body, data, { choose, done: () => tell(model) });
  const landing = make(body, "p", { class: "landing", role: "status" }, "u lands on ");
  const [token, about] = ["bdi", "span"].map((tag) => make(landing, tag));
  makeButton(make(body, "p", { class: "again" }), "draw again: next seed", () => {
    const seed = (model.get("seed") + 1) % firsts.length;
    model.set({ seed, u: firsts[seed] });
    tell(model);
  });
  // A seed is replayed: its first number is drawn again.
  panel.querySelector('[data-knob="seed"]').addEventListener("input", () =>
    model.set("u", firsts[model.get("seed")]));
  const showCounts = makeCounts(body, data);
  body.append(facts);
  makeLegend(body, [["solid", "share of the draws"], ["outline", "prob."], ["chosen", "where u lands"]]);

  return () => {
    const [u, n, seed] = ["u", "draws", "seed"].map((name) => model.get(name));
    const place = land(u);
    const row = reach.rows[place] ?? labels.length;
    const [text, more] = reach.said[place] ?? [undefined, `one of the ${names.at(-1)}`];
    say(token, text === undefined ? "" : `"${text}"`);
    say(about, more);
    showOnLine(u, row);
    const counts = names.map(() => 0);
    for (const at of counted.subarray(seed * most, seed * most + n)) counts[at]++;
    showCounts(counts, n, row);
    const whose = u === data.own && u !== firsts[seed] ? OWN : MOVED;
    return { title: data.title, facts: `${gapText(counts, probs, n, seed)}\n${whose}` };
  };
});
