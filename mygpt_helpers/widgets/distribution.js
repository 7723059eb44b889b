// The live picture of a next-token distribution: sliders, bars, and a table from which a screen
// reader and a test read the same numbers. The arithmetic mirrors mygpt_helpers/sampling.py, in
// transformers' order: repetition penalty, temperature, top-k, top-p, min-p.

const NEUTRAL = { temperature: 1, top_k: null, top_p: null, min_p: null, repetition_penalty: null };
const KNOBS = Object.keys(NEUTRAL);
const WAIT_MS = 150; // a shorter wait is not worth a word
const STUCK_MS = 5000;
const STUCK = "Still waiting for Python. If your function never returns: Kernel > Interrupt, "
  + "and if that does not help, Kernel > Restart.";
// Python works in float32. Rounding where it rounds puts the cuts where it puts them.
const f32 = Math.fround;

/** The built-in rule on logits sorted with the largest first; the shown rows are the first ones. */
function makeRule(sorted, used, numRows) {
  const V = sorted.length;
  const isUsed = new Uint8Array(V);
  for (const rank of used) isUsed[rank] = 1;
  const weights = new Float64Array(V); // exp(logit / temperature - the largest such), sorted too
  let penalty, temperature; // what the next three were computed for
  let values, places, finite; // logits; row -> its place among them; how many are not -infinity

  /** Divide or multiply the used logits and merge them back into the others: no second sort. */
  function penalize(newPenalty) {
    penalty = newPenalty;
    places = Uint32Array.from({ length: numRows }, (_, row) => row);
    values = sorted;
    if (penalty === null || penalty === 1 || !used.length) return;
    const p = f32(penalty);
    const moved = Array.from(used, (rank) => {
      const logit = sorted[rank];
      return { rank, value: f32(logit < 0 ? logit * p : logit / p) };
    });
    moved.sort((a, b) => b.value - a.value || a.rank - b.rank);
    values = new Float32Array(V);
    for (let place = 0, rank = 0, next = 0; place < V; place++) {
      while (rank < V && isUsed[rank]) rank++;
      const { rank: from, value } = moved[next] ?? { value: NaN };
      const tieFirst = value === sorted[rank] && from < rank;
      const takeMoved = rank === V || value > sorted[rank] || tieFirst;
      values[place] = takeMoved ? value : sorted[rank];
      const row = takeMoved ? from : rank;
      if (row < numRows) places[row] = place;
      if (takeMoved) next++;
      else rank++;
    }
  }

  function heat(newTemperature) {
    temperature = newTemperature;
    const t = f32(temperature);
    const largest = f32(values[0] / t);
    for (finite = 0; finite < V && values[finite] > -Infinity; finite++)
      weights[finite] = Math.exp(f32(values[finite] / t) - largest);
    weights.fill(0, finite);
  }

  function sum(count) {
    let total = 0;
    for (let i = count - 1; i >= 0; i--) total += weights[i]; // small ones first, for accuracy
    return total;
  }

  return function probabilities(knobs) {
    const { top_k, top_p, min_p } = knobs;
    const changed = knobs.repetition_penalty !== penalty;
    if (changed) penalize(knobs.repetition_penalty);
    if (changed || knobs.temperature !== temperature) heat(knobs.temperature);
    let kept = finite; // sorted logits make every cut a length: the first `kept` stay
    if (top_k !== null && top_k < kept) {
      const scaled = (i) => f32(values[i] / f32(temperature));
      const edge = scaled(top_k - 1);
      for (kept = top_k; kept < finite && scaled(kept) >= edge; ) kept++; // ties stay
    }
    if (top_p !== null && top_p < 1) {
      const total = sum(kept);
      const allowed = f32(1 - top_p);
      for (let tail = 0; kept > 1; kept--) {
        tail += f32(weights[kept - 1] / total);
        if (f32(tail) > allowed) break;
      }
    }
    if (min_p !== null && min_p > 0) {
      const total = sum(kept);
      const least = f32(f32(min_p) * f32(1 / total));
      while (kept > 1 && f32(weights[kept - 1] / total) < least) kept--;
    }
    const total = sum(kept);
    let logs = 0; // the mean of the log weights under the final distribution
    for (let i = kept - 1; i > 0; i--)
      if (weights[i] > 0) logs += (weights[i] / total) * Math.log(weights[i]);
    const after = Array.from(places, (place) => (place < kept ? weights[place] / total : 0));
    return {
      after,
      cut: Array.from(places, (place) => place >= kept),
      kept,
      rest: missing(after),
      largest: 1 / total,
      entropy: Math.log(total) - logs,
    };
  };
}

const missing = (probs) => Math.max(0, 1 - probs.reduce((sum, p) => sum + p, 0));

function bytesOf(model, name, ArrayType) {
  const view = model.get(name); // copied: the bytes may not start where the array type needs them
  return new ArrayType(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength));
}

function readable(knob, value, V) {
  if (knob === "top_k") return value >= V ? `${commas(value)} (all)` : commas(value);
  const digits = String(value).split(".")[1] ?? "";
  const text = value.toFixed(Math.max(2, digits.length));
  const off = { top_p: 1, min_p: 0, repetition_penalty: 1 }[knob];
  return value === off ? `${text} (off)` : text;
}

/** Add a slider, and return the function that makes it follow the model. */
function makeSlider(parent, knob, model, V) {
  const id = `mygpt-${knob}-${Math.random().toString(36).slice(2)}`;
  make(parent, "label", { for: id }, knob);
  const input = make(parent, "input", {
    type: "range", id, min: 0, step: 1, "data-knob": knob,
    "data-lm-suppress-shortcuts": "true", // or JupyterLab takes the arrow keys
  });
  // Not live: a screen reader says aria-valuetext already.
  const output = make(parent, "output", { for: id, "aria-live": "off" });
  let stops = model.get("_stops")[knob];
  let shown;
  input.addEventListener("input", () => model.set(knob, stops[input.valueAsNumber]));
  input.addEventListener("change", () => model.save_changes()); // once a drag
  return function follow() {
    const value = model.get(knob);
    if (value === shown) return;
    shown = value;
    if (!stops.includes(value)) stops = [...stops, value].sort((a, b) => a - b);
    input.max = stops.length - 1;
    input.valueAsNumber = stops.indexOf(value);
    input.setAttribute("aria-valuetext", readable(knob, value, V));
    say(output, readable(knob, value, V));
  };
}

function makeTable(parent, model, before, V) {
  const table = make(parent, "table");
  const title = model.get("_title");
  make(table, "caption", {}, `Next-token probabilities${title && `: ${title}`}`);
  makeHead(table);
  const body = make(table, "tbody");
  const rows = model.get("_labels").map(([short, whole], i) => {
    const row = makeRow(body, before[i]);
    row.label(short, whole);
    return row;
  });
  const count = V - rows.length;
  const others = count ? makeRow(make(table, "tfoot"), missing(before)) : null;
  others?.others(count);
  return { rows, others };
}

function render({ model, el }) {
  const own = "knobs" in model.get("_answer");
  const shownKnobs = Object.keys(model.get("_stops"));
  const sorted = bytesOf(model, "_sorted_logits", Float32Array);
  const V = sorted.length;
  const used = bytesOf(model, "_used_ranks", Int32Array);
  const rule = makeRule(sorted, used, model.get("_labels").length);
  const before = rule(NEUTRAL).after;

  const title = model.get("_title");
  const root = make(el, "div", { class: "mygpt-distribution", role: "group" });
  root.setAttribute("aria-label", title || "Next-token distribution");
  if (title) make(root, "div", { class: "title", "aria-hidden": "true" }, title);
  const panel = make(root, "div", { class: "knobs" });
  const makeKnob = (knob) => makeSlider(make(panel, "div", { class: "knob" }), knob, model, V);
  const sliders = shownKnobs.map(makeKnob);
  if (sliders.length) {
    const attributes = { type: "button", "data-lm-suppress-shortcuts": "true" };
    make(panel, "button", attributes, "reset").addEventListener("click", () => {
      model.set(model.get("_start"));
      model.save_changes();
    });
  }
  const { rows, others } = makeTable(root, model, before, V);
  const facts = make(root, "p", { class: "facts" });
  const legend = make(root, "p", { class: "legend" });
  const solid = own ? "by your function" : "with these settings";
  const outline = own ? "without it" : "without them";
  for (const [kind, text] of [["solid", solid], ["outline", outline], ["cut", "cut"]])
    make(make(legend, "span"), "span", { class: `key ${kind}`, "aria-hidden": "true" }).after(text);
  const note = make(root, "p", { class: "note", role: "status" });

  let frame = 0;
  let waitingSince = 0;
  let timers = [];

  function paint() {
    frame = 0;
    for (const follow of sliders) follow();
    const knobs = Object.fromEntries(KNOBS.map((knob) => [knob, model.get(knob)]));
    const answer = own ? model.get("_answer") : rule(knobs);
    show(answer);
    if (own) tellWait(answer);
  }

  function show({ after = [], cut, largest, rest, ...counts }) {
    rows.forEach((row, i) => {
      const isCut = cut ? cut[i] : after[i] === 0;
      row.show(after[i], isCut ? "cut" : after[i] >= largest ? "top" : "");
    });
    others?.show(rest, after.length && after.every((p) => p < largest) ? "top" : "");
    if (!after.length) return;
    const kept = counts.kept < V ? `${commas(counts.kept)} of ${commas(V)} tokens kept. ` : "";
    say(facts, kept + unsure(counts.entropy));
    legend.lastChild.hidden = !kept;
  }

  /** Python is late while its answer is for other knobs than the sliders show. */
  function tellWait(answer) {
    const late = shownKnobs.some((knob) => model.get(knob) !== answer.knobs[knob]);
    if (late && !waitingSince) {
      waitingSince = performance.now();
      timers = [WAIT_MS, STUCK_MS].map((ms) => setTimeout(schedule, ms));
    }
    if (!late) stopWaiting();
    const waited = late ? performance.now() - waitingSince : 0;
    root.classList.toggle("waiting", waited >= WAIT_MS);
    if (waited >= STUCK_MS) say(note, STUCK);
    else say(note, waited >= WAIT_MS ? "Waiting for Python…" : answer.error);
    // ipywidgets keeps one message on its way and joins what follows: the latest values win.
    if (late) model.save_changes();
  }

  function stopWaiting() {
    timers.forEach(clearTimeout);
    waitingSince = 0;
  }

  /** However many events arrive, one paint a frame. */
  function schedule() {
    frame ||= requestAnimationFrame(paint);
  }

  model.on("change", schedule);
  paint();
  return () => {
    model.off("change", schedule);
    cancelAnimationFrame(frame);
    stopWaiting();
  };
}

export default { render };
