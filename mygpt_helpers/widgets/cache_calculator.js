// What a key-value cache costs and saves: memory over the length, and the work in a table.

const HEIGHT = 250;
const [LEFT, TOP, BOTTOM] = [70, 12, 206];
const SIZES = [1, 1e3, 1e6, 1e9, 1e12, 1e15]; // what the axis names
const DECADES = 15.2; // the largest cache takes 1.13e15 bytes
const WORK = [
  "positions through the layers, for the next token",
  "positions, all passes of the whole text",
];

/** Draw the axes; the function returned draws the memory over the length, and marks a length. */
function makeMemory(svg, width, { lengths, laptop }) {
  const right = width - 100; // room for the laptop's name
  const across = (n) => LEFT + (Math.log2(n) / 17) * (right - LEFT);
  const up = (bytes) => BOTTOM - (Math.log10(bytes) / DECADES) * (BOTTOM - TOP);
  const line = (d, style) => make(svg, "path", { d, style: `fill: none; ${style}` });
  const label = (x, y, anchor, text) => make(svg, "text", { x, y, "text-anchor": anchor }, text);
  for (const bytes of SIZES) {
    line(`M${LEFT},${up(bytes)}H${right}`, "stroke: var(--line)");
    label(LEFT - 7, up(bytes) + 4, "end", sizeText(bytes).replace(".0", ""));
  }
  for (const n of [1, 16, 256, 4096, 65536]) {
    line(`M${across(n)},${TOP}V${BOTTOM}`, "stroke: var(--line)");
    label(across(n), BOTTOM + 18, "middle", commas(n));
  }
  label((LEFT + right) / 2, HEIGHT - 4, "middle", "length, tokens");
  line(`M${LEFT},${up(laptop)}H${right}`, "stroke: var(--text); stroke-dasharray: 2 3");
  label(right + 6, up(laptop) + 4, "start", "8 GB, a laptop"); // where no curve goes
  const drop = line("", "stroke: var(--faint); stroke-dasharray: 2 3");
  const curve = make(svg, "polyline", { style: "fill: none; stroke: var(--accent); stroke-width: 2" });
  const point = make(svg, "circle", { r: 5, fill: "#d55e00" });
  return (memory, length, said) => {
    const at = (n) => `${across(n).toFixed(1)},${up(memory(n)).toFixed(1)}`;
    curve.setAttribute("points", lengths.map(at).join(" "));
    drop.setAttribute("d", `M${across(length)},${BOTTOM}V${up(memory(length))}H${LEFT}`);
    point.setAttribute("cx", across(length));
    point.setAttribute("cy", up(memory(length)));
    svg.setAttribute("aria-label", said);
  };
}

export default livePicture("cache_calculator", ({ model, data, panel, body, facts }) => {
  const presets = make(panel, "div", { class: "moves" });
  panel.prepend(presets);
  const buttons = data.presets.map(({ name, num_layers, num_kv_heads, head_dim }) =>
    makeButton(presets, name, () => {
      model.set({ num_layers, num_kv_heads, head_dim });
      tell(model);
    }));

  const draw = makeChart(body, HEIGHT, (svg, width) => makeMemory(svg, width, data));
  body.append(facts); // the formula, under its curve
  const [caption, head, rows] = makeTable(body, "work");
  const names = make(head, "tr");
  for (const name of ["work", "with the cache", "without"]) make(names, "th", { scope: "col" }, name);
  const cells = WORK.map((name) => {
    const row = make(rows, "tr");
    make(row, "th", { scope: "row" }, name);
    return [make(row, "td"), make(row, "td")];
  });

  return () => {
    const shape = ["num_layers", "num_kv_heads", "head_dim"].map((name) => model.get(name));
    const preset = data.presets.find(({ num_layers, num_kv_heads, head_dim }) =>
      [num_layers, num_kv_heads, head_dim].every((n, i) => n === shape[i]));
    data.presets.forEach((one, i) => buttons[i].setAttribute("aria-pressed", one === preset));
    const [bits, T, B] = ["bits_per_number", "length", "batch_size"].map((name) => model.get(name));
    const perToken = 2 * shape[0] * shape[1] * shape[2]; // numbers
    const memory = (tokens) => Math.ceil((perToken * tokens * B * bits) / 8);
    const work = [[B, B * T], [B * T, (B * T * (T + 1)) / 2]];
    work.forEach((pair, i) => pair.forEach((n, j) => say(cells[i][j], commas(n))));
    const title = `${preset?.name ?? "A model of your own"}: ${sizeText(memory(T))}`;
    const parts = ["layer", "head", "number"].map((thing, i) => plural(shape[i], thing));
    const factors = [2, ...parts, `${bits / 8} bytes`, plural(T, "token"), plural(B, "text")];
    const formula = `${factors.join(" × ")} = ${commas(memory(T))} bytes`;
    draw(memory, T, `${title}: ${formula}`);
    say(caption, title);
    if (!preset) return { title, facts: formula };
    const reads = `${preset.name} reads up to ${commas(preset.context)} tokens.`
      + (preset.context < T ? " The length is beyond that." : "");
    return { title, facts: `${formula}\n${reads}\nThe model's figures: ${preset.source}, config.json` };
  };
});
