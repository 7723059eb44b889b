// Byte pairs, merge by merge: the text in the box is cut here, by the first n merges.

const RATES_HIGH = 170; // pixels
const [LEFT, TOP, BOTTOM] = [58, 10, 130];
// GPT-2's pieces: words with the space before them, numbers, other signs, white space.
const PIECES = new RegExp("'(?:s|t|re|ve|m|ll|d)| ?\\p{L}+| ?\\p{N}+| ?[^\\p{White_Space}\\p{L}\\p{N}]+"
  + "|\\p{White_Space}+(?!\\P{White_Space})|\\p{White_Space}+", "gu");
const bytesOf = (text) => [...new TextEncoder().encode(text)];

/** The ids after 0, 1, 2, ... merges. Between the pieces stands -1, which no merge goes across. */
function mergeSteps(text, pairs) {
  let ids = [...text.matchAll(PIECES)].flatMap(([piece]) => [...bytesOf(piece), -1]);
  const steps = [ids];
  pairs.forEach(([left, right], i) => {
    const merged = [];
    for (const id of ids.includes(left) ? ids : [])
      if (id === right && merged.at(-1) === left) merged[merged.length - 1] = 256 + i;
      else merged.push(id);
    if (merged.length) ids = merged;
    steps.push(ids);
  });
  return steps.map((step) => step.filter((id) => id >= 0));
}

/** What is to be said of the first character that is more than one byte; merges.py says the same. */
function byteNote(chars) {
  const place = chars.findIndex((char) => char > "\x7f");
  if (place < 0) return "";
  const named = bytesOf(chars[place]).map((byte) => `<0x${byte.toString(16).toUpperCase()}>`);
  return `Character ${commas(place + 1)} of this text is stored as ${named.length} bytes, ${named.join(" ")}. `
    + "One of them alone is no character, so it is shown as a number.";
}

/** Draw the axes; the function returned draws the rate after each merge, and marks one of them. */
function makeRates(svg, width, count) {
  const right = width - 20;
  const label = (x, y, anchor, text) => make(svg, "text", { x, y, "text-anchor": anchor }, text);
  make(svg, "path", { d: `M${LEFT},${TOP}V${BOTTOM}H${right}` });
  const highest = label(LEFT - 7, TOP + 5, "end", "");
  label(LEFT - 7, BOTTOM + 4, "end", "0");
  label(right, BOTTOM + 17, "end", commas(count));
  label((LEFT + right) / 2, BOTTOM + 34, "middle", "tokens per character, over merges");
  const curve = make(svg, "polyline");
  const point = make(svg, "circle", { r: 5 });
  let drawn;
  return (rates, now) => {
    const most = Math.max(1, rates[0]);
    const across = (n) => LEFT + (n / Math.max(1, count)) * (right - LEFT);
    const up = (rate) => BOTTOM - (rate / most) * (BOTTOM - TOP);
    if (rates !== drawn) {
      drawn = rates;
      say(highest, most.toFixed(2));
      const at = (rate, n) => `${across(n).toFixed(1)},${up(rate).toFixed(1)}`;
      curve.setAttribute("points", rates.map(at).join(" "));
    }
    point.setAttribute("cx", across(now));
    point.setAttribute("cy", up(rates[now]));
    const rate = `${rates[now].toFixed(2)} tokens per character`;
    svg.setAttribute("aria-label", `${rate} after ${commas(now)} merges`);
  };
}

export default livePicture("merges", ({ model, data, panel, body, facts }) => {
  const { pairs, names, grounds } = data;
  const box = makeTextBox(panel, "text", { rows: 2, maxlength: data.most_chars });
  panel.prepend(box.parentElement);
  box.addEventListener("input", () => model.set("text", box.value.toWellFormed?.() ?? box.value));
  box.addEventListener("change", () => tell(model));

  const scrolls = { tabindex: 0, role: "group", "aria-label": "the tokens", ...OUR_KEYS };
  const flow = make(body, "div", { class: "flow pieces", ...scrolls });
  make(flow, "span", { class: "unseen" }, "tokens");
  const tiles = [];
  makeLegend(body, [["byte", "one byte"], ["deep", "more bytes"], ["new", "made by the last merge"]]);
  body.append(facts);
  const [caption, head, rows] = makeTable(body, "merged");
  const heading = make(head, "tr");
  for (const name of ["merge", "pair", "new token", "times here"]) make(heading, "th", { scope: "col" }, name);
  const slots = Array.from({ length: data.num_rows }, () => {
    const row = make(rows, "tr");
    return [make(row, "th", { scope: "row" }), ...[1, 2, 3].map(() => make(make(row, "td"), "bdi"))];
  });
  const draw = makeChart(body, RATES_HIGH, (svg, width) => makeRates(svg, width, pairs.length));
  let cut, chars, steps, rates;

  function cutAnew(text) {
    if (box.value !== text) box.value = text; // set from Python
    [cut, chars, steps] = [text, [...text], mergeSteps(text, pairs)];
    rates = steps.map((ids) => ids.length / Math.max(1, chars.length));
    // Room for all bytes: what is below stays where it is while the tokens come together.
    flow.style.minHeight = `${Math.min(330, 6 + 24 * Math.ceil(steps[0].length / 33))}px`;
  }

  return () => {
    const now = model.get("merges");
    if (model.get("text") !== cut) cutAnew(model.get("text"));
    const ids = steps[now];
    while (tiles.length > ids.length) tiles.pop().remove();
    while (tiles.length < ids.length) tiles.push(make(flow, "bdi"));
    tiles.forEach((tile, i) => {
      say(tile, names[ids[i]]);
      tile.className = now && ids[i] === 255 + now ? "new" : "";
      tile.dataset.ground = grounds[ids[i]];
    });
    slots.forEach(([number, ...cells], i) => {
      const n = now - i;
      number.parentElement.style.visibility = n > 0 ? "" : "hidden"; // it keeps its place
      if (n <= 0) return;
      const pair = pairs[n - 1].map((part) => names[part]).join(" + ");
      const texts = [pair, names[255 + n], commas(steps[n - 1].length - steps[n].length)];
      say(number, commas(n));
      cells.forEach((cell, c) => say(cell, texts[c]));
    });
    draw(rates, now);
    const title = `${data.title}after ${commas(now)} of ${commas(pairs.length)} merges`;
    const rate = `${rates[now].toFixed(2)} tokens per character`;
    say(caption, title);
    const facts = `${commas(ids.length)} tokens for ${commas(chars.length)} characters: ${rate}.\n`
      + `Vocabulary: 256 bytes + ${commas(now)} merged = ${commas(256 + now)} tokens.`;
    return { title, facts, note: byteNote(chars) };
  };
});
