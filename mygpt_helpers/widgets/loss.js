// A loss curve that grows while the training runs: Python sends the points, here they are drawn, with
// the loss on a logarithmic axis.

const HEIGHT = 300;
const [LEFT, TOP, BOTTOM] = [58, 12, 262];
const AXIS = "stroke: var(--faint)";
const GRID = "stroke: var(--line); stroke-width: 0.6";
const LEVEL = "stroke: var(--faint); stroke-dasharray: 2 3";
const HELD_OUT = "stroke: var(--text); stroke-dasharray: 7 3; stroke-width: 2";
const CURVE = "stroke: var(--accent); stroke-linejoin: round; stroke-width: 2";

const short = (value) => String(Number(value.toPrecision(3)));

/** Three to nine ticks: powers of ten, with 2 and 5 between them, or finer ones. */
function logTicks(low, high) {
  const from = Math.floor(Math.log10(low));
  const to = Math.ceil(Math.log10(high));
  const stride = Math.max(1, Math.ceil((to - from) / 8));
  for (const digits of [[1], [1, 2, 5], [1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9]]) {
    const ticks = [];
    for (let power = from; power <= to; power += stride)
      ticks.push(...digits.map((digit) => Number(`${digit}e${power}`)));
    const inside = ticks.filter((tick) => tick >= low && tick <= high);
    if (inside.length >= 3) return inside;
  }
  return [low, Math.sqrt(low * high), high];
}

/** Up to parts + 1 steps with round distances, the first and the last one among them. */
function stepTicks(last, parts) {
  const rough = last / parts;
  const power = 10 ** Math.floor(Math.log10(rough));
  const apart = Math.max(1, [1, 2, 5, 10].map((d) => d * power).find((d) => d >= rough));
  const ticks = [1];
  for (let tick = apart; tick < last - apart / 2; tick += apart) if (tick > 1) ticks.push(tick);
  return last > 1 ? [...ticks, last] : ticks;
}

/** The lowest and the highest loss on the axis; a loss of 0 or less is drawn at the bottom. */
function lossRange(points) {
  const seen = points.map(([, loss]) => loss).filter((loss) => loss > 0);
  if (!seen.length) return [0.1, 10];
  const [low, high] = [Math.min(...seen), Math.max(...seen)];
  const margin = Math.max(1.02, (high / low) ** 0.05);
  return [low / margin, high * margin];
}

/** Draw the losses of a training, and all that stands around them. */
function drawLosses(svg, width, { steps, levels }, points, others) {
  const right = width - 80; // room for what the levels are called
  const stroke = (d, style) => make(svg, "path", { d, style: `fill: none; ${style}` });
  const [low, high] = lossRange([...points, ...others, ...levels]);
  const part = (loss) => Math.log(Math.max(loss, low) / low) / Math.log(high / low);
  const up = (loss) => BOTTOM - part(loss) * (BOTTOM - TOP);
  const last = Math.max(steps, points.at(-1)?.[0] ?? 1); // a training can be longer than said
  const across = (step) =>
    LEFT + ((step - 1) / Math.max(1, last - 1)) * (right - LEFT);
  svg.replaceChildren();
  stroke(`M${LEFT},${TOP}V${BOTTOM}H${right}`, AXIS);
  for (const tick of points.length || levels.length ? logTicks(low, high) : []) {
    const y = up(tick);
    stroke(`M${LEFT},${y}H${right}`, GRID);
    make(svg, "text", { x: LEFT - 7, y: y + 4, "text-anchor": "end" }, short(tick));
  }
  for (const tick of stepTicks(last, width < 500 ? 2 : 5)) {
    const x = across(tick);
    stroke(`M${x},${BOTTOM}v4`, AXIS);
    make(svg, "text", { x, y: BOTTOM + 18, "text-anchor": "middle" }, commas(tick));
  }
  make(svg, "text", { x: (LEFT + right) / 2, y: HEIGHT - 4, "text-anchor": "middle" }, "step");
  for (const [level, loss] of levels) {
    const y = up(loss);
    stroke(`M${LEFT},${y}H${right}`, LEVEL);
    make(svg, "text", { x: right + 6, y: y + 4 }, level);
  }
  const placed = (all) =>
    all.map(([step, loss]) => `${across(step).toFixed(1)},${up(loss).toFixed(1)}`);
  const at = placed(points);
  if (at.length) {
    const [cx, cy] = at.at(-1).split(",");
    make(svg, "polyline", { class: "curve", points: at.join(" "), fill: "none", style: CURVE });
    make(svg, "circle", { cx, cy, r: 3.5, fill: "var(--accent)" });
  }
  if (others.length) {
    const beside = placed(others);
    const [x, y] = beside.at(-1).split(",").map(Number);
    make(svg, "polyline",
      { class: "held-out", points: beside.join(" "), fill: "none", style: HELD_OUT });
    make(svg, "circle", { cx: x, cy: y, r: 3.5 });
    make(svg, "text", { x: x + 6, y: y - 6 }, "held-out");
  }
}

export default livePicture("loss", ({ model, data, body }) => {
  const draw = makeChart(body, HEIGHT, (svg, width) => (points, others, said) => {
    drawLosses(svg, width, data, points, others);
    svg.setAttribute("aria-label", `${data.title || "loss"} over step: ${said}`);
  });

  return () => {
    const said = model.get("_line") || `waiting for the first of ${commas(data.steps)} steps`;
    draw(pointsIn(model.get("_points")), pointsIn(model.get("_held_out")), said);
    return { title: data.title, facts: said, note: model.get("_note") };
  };
});

function pointsIn(view) {
  const flat = view ? numbersIn(view, Float64Array) : [];
  return Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i], flat[2 * i + 1]]);
}
