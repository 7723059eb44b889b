// A loss curve that grows while the training runs: Python sends the points, here they are drawn, with
// the loss on a logarithmic axis.

const SVG = "http://www.w3.org/2000/svg";
const [WIDTH, HEIGHT] = [720, 300];
const BOX = { left: 58, right: 640, top: 12, bottom: 262 };

function shape(parent, tag, attributes = {}, text = "") {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.textContent = text; // names are data: they never become markup
  parent.append(node);
  return node;
}

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

/** Up to six steps with round distances, the first and the last one among them. */
function stepTicks(last) {
  const rough = last / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const apart = Math.max(1, [1, 2, 5, 10].map((d) => d * power).find((d) => d >= rough));
  const ticks = [1];
  for (let tick = apart; tick < last - apart / 2; tick += apart) if (tick > 1) ticks.push(tick);
  return last > 1 ? [...ticks, last] : ticks;
}

function render({ model, el }) {
  const name = model.get("_title");
  const root = make(el, "div", {
    class: "mygpt-live mygpt-loss", role: "group", "aria-label": name || "loss",
  });
  make(root, "div", { class: "title", "aria-hidden": "true" }, name);
  const svg = shape(root, "svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img" });
  const line = make(root, "p", { class: "facts" });
  const note = make(root, "p", { class: "note", role: "status" });

  const steps = model.get("_steps");
  const levels = model.get("_levels");

  /** The lowest and the highest loss on the axis; a loss of 0 or less is drawn at the bottom. */
  function range(points) {
    const seen = [...points.map(([, loss]) => loss), ...levels.map(([, level]) => level)];
    const positive = seen.filter((loss) => loss > 0);
    if (!positive.length) return [0.1, 10];
    const [low, high] = [Math.min(...positive), Math.max(...positive)];
    const margin = Math.max(1.02, (high / low) ** 0.05);
    return [low / margin, high * margin];
  }

  return paintOnChange(model, () => {
    const points = readPoints(model.get("_points"));
    const [low, high] = range(points);
    const part = (loss) => Math.log(Math.max(loss, low) / low) / Math.log(high / low);
    const up = (loss) => BOX.bottom - part(loss) * (BOX.bottom - BOX.top);
    const last = Math.max(steps, points.at(-1)?.[0] ?? 1); // a training can be longer than said
    const across = (step) =>
      BOX.left + ((step - 1) / Math.max(1, last - 1)) * (BOX.right - BOX.left);
    svg.replaceChildren();
    const { left, right, top, bottom } = BOX;
    shape(svg, "path", { class: "axis", d: `M${left},${top}V${bottom}H${right}` });
    for (const tick of points.length || levels.length ? logTicks(low, high) : []) {
      const y = up(tick);
      shape(svg, "path", { class: "grid", d: `M${left},${y}H${right}` });
      shape(svg, "text", { x: left - 7, y: y + 4, "text-anchor": "end" }, short(tick));
    }
    for (const tick of stepTicks(last)) {
      const x = across(tick);
      shape(svg, "path", { class: "axis", d: `M${x},${bottom}v4` });
      shape(svg, "text", { x, y: bottom + 18, "text-anchor": "middle" }, commas(tick));
    }
    shape(svg, "text", { x: (left + right) / 2, y: HEIGHT - 4, "text-anchor": "middle" }, "step");
    for (const [level, loss] of levels) {
      const y = up(loss);
      shape(svg, "path", { class: "level", d: `M${left},${y}H${right}` });
      shape(svg, "text", { x: right + 6, y: y + 4 }, level);
    }
    const at = points.map(([step, loss]) => `${across(step).toFixed(1)},${up(loss).toFixed(1)}`);
    if (at.length) shape(svg, "polyline", { class: "curve", points: at.join(" ") });
    if (at.length) {
      const [cx, cy] = at.at(-1).split(",");
      shape(svg, "circle", { class: "now", cx, cy, r: 3.5 });
    }
    const said = model.get("_line") || `waiting for the first of ${commas(steps)} steps`;
    svg.setAttribute("aria-label", `${name || "loss"} over step: ${said}`);
    say(line, said);
    say(note, model.get("_note"));
  });
}

function readPoints(view) {
  if (!view?.byteLength) return [];
  const flat = new Float64Array(
    view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength),
  );
  return Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i], flat[2 * i + 1]]);
}

export default { render };
