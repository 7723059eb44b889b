// Small doubts add up: p to the n, over n on a logarithmic axis.

const HEIGHT = 270;
const [LEFT, TOP, BOTTOM] = [58, 12, 226];

/** A chance in words, as streak.py says it. */
function chanceText(chance) {
  if (chance < 1e-6) return "below 0.000001: fewer than 1 in a million texts are right throughout.";
  const of = (n) => Math.floor(n + 0.5);
  if (chance < 0.01)
    return `${chance.toFixed(6)}: about 1 of ${commas(of(1 / chance))} texts is right throughout.`;
  const number = of(100 * chance);
  const are = number === 1 ? "is" : "are";
  return `${chance.toFixed(3)}: about ${number} of 100 texts ${are} right throughout.`;
}

/** Draw the axes; the function returned draws the curve of a p and marks an n. */
function makeCurve(svg, width, points) {
  const right = width - 30;
  const across = (n) => LEFT + (Math.log10(n) / 3) * (right - LEFT);
  const up = (chance) => BOTTOM - chance * (BOTTOM - TOP);
  const line = (d, style) => make(svg, "path", { d, style: `fill: none; ${style}` });
  const label = (x, y, anchor, text) => make(svg, "text", { x, y, "text-anchor": anchor }, text);
  for (const chance of [0, 0.25, 0.5, 0.75, 1]) {
    line(`M${LEFT},${up(chance)}H${right}`, "stroke: var(--line)");
    label(LEFT - 7, up(chance) + 4, "end", String(chance));
  }
  for (const n of [1, 10, 100, 1000]) {
    line(`M${across(n)},${TOP}V${BOTTOM}`, "stroke: var(--line)");
    label(across(n), BOTTOM + 18, "middle", commas(n));
  }
  label((LEFT + right) / 2, HEIGHT - 4, "middle", "n, tokens in a row");
  const drop = line("", "stroke: var(--faint); stroke-dasharray: 2 3");
  const curve = make(svg, "polyline", { style: "fill: none; stroke: var(--accent); stroke-width: 2" });
  const point = make(svg, "circle", { r: 5, fill: "#d55e00" });
  return (p, n, said) => {
    const chance = p ** n;
    const at = (l) => `${across(l).toFixed(1)},${up(p ** l).toFixed(1)}`;
    curve.setAttribute("points", points.map(at).join(" "));
    drop.setAttribute("d", `M${across(n)},${BOTTOM}V${up(chance)}H${LEFT}`);
    point.setAttribute("cx", across(n));
    point.setAttribute("cy", up(chance));
    svg.setAttribute("aria-label", said);
  };
}

export default livePicture("streak", ({ model, data, body }) => {
  const { points, title } = data;
  const draw = makeChart(body, HEIGHT, (svg, width) => makeCurve(svg, width, points));

  return () => {
    const [p, n] = [model.get("p"), model.get("n")];
    const shortP = Number(p.toPrecision(6));
    const facts = `${shortP} to the power of ${commas(n)} is ${chanceText(p ** n)}`;
    draw(p, n, `${title}: ${facts}`);
    return { title, facts };
  };
});
