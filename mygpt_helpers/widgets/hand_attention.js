// Attention by hand: a query, the score and the weight of each token, and the mixture of their values.

const EDGE = 150; // of the plane, from its middle; pixels
const INNER = 120; // where the largest number lies

export default livePicture("hand", ({ model, data, body }) => {
  const sides = make(body, "div", { class: "sides" });
  const [caption, head, rows] = makeTable(make(sides, "div", { class: "side" }), "tokens");
  const names = make(head, "tr");
  make(names, "th", { scope: "col" }, "token");
  for (const heading of Object.keys(data.columns))
    make(names, "th", { scope: "col", class: "pair" }, heading);
  make(names, "th", { scope: "col", class: "number" }, "score");
  make(names, "td", { class: "bars" });
  make(names, "th", { scope: "col", class: "number" }, "weight");
  const cells = data.labels.map(([short, whole], i) => {
    const row = make(rows, "tr");
    const token = make(row, "th", { scope: "row", title: whole });
    token.append('"', make(token, "bdi", {}, short), '"');
    for (const pairs of Object.values(data.columns)) make(row, "td", { class: "pair" }, pairs[i]);
    const score = make(row, "td", { class: "number" });
    const track = make(make(row, "td", { class: "bars" }), "div", { class: "track", "aria-hidden": "true" });
    const bar = make(track, "div", { class: "solid", style: "width: 100%" });
    return { score, bar, weight: make(row, "td", { class: "number" }) };
  });
  const draw = makePlane(sides, data);

  return () => {
    const query = model.get("query");
    const scores = data.vectors.map(([x, y]) => query[0] * x + query[1] * y);
    const powers = scores.map((score) => Math.exp(score - Math.max(...scores)));
    const total = powers.reduce((sum, power) => sum + power, 0);
    const weights = powers.map((power) => power / total);
    const mixture = [0, 1].map((side) =>
      weights.reduce((sum, weight, i) => sum + weight * data.values[i][side], 0));
    cells.forEach(({ score, bar, weight }, i) => {
      say(score, twoDigits(scores[i]));
      say(weight, weights[i].toFixed(3));
      bar.style.transform = `scaleX(${weights[i]})`;
    });
    const handed = Object.values(data.columns).at(-1);
    const parts = weights.map((weight, i) => `${weight.toFixed(3)} × ${handed[i]}`);
    const facts = `mixture = ${parts.join(" + ")} = (${mixture.map(twoDigits).join(", ")})`;
    say(caption, data.title);
    draw(query, weights, mixture, facts);
    return { title: data.title, facts };
  };
});

/** Add the plane of the two numbers; the function returned moves what hangs on the query. */
function makePlane(parent, { values, spots, most_query, legend }) {
  const plane = make(parent, "div", { class: "plane" });
  const svg = make(plane, "svg", { viewBox: "-150 -150 300 300", role: "img", fill: "var(--text)" });
  const most = Math.max(1e-9, ...values.flat().map(Math.abs));
  const place = ([x, y]) => [(x / most) * INNER, (-y / most) * INNER];
  const write = (x, y, anchor, text) => make(svg, "text", { x, y, "text-anchor": anchor }, text);
  make(svg, "path", { d: `M${-EDGE},0H${EDGE}M0,${-EDGE}V${EDGE}`, class: "axes" });
  make(svg, "path", { d: `M${INNER},-4V4M-4,${-INNER}H4`, class: "axes" });
  const end = twoDigits(most).replace(/\.?0+$/, "");
  write(INNER, 17, "middle", end);
  write(-8, 4 - INNER, "end", end);
  write(EDGE, 32, "end", "1st number");
  write(-6, 12 - EDGE, "end", "2nd number");
  const pulls = values.map(() => make(svg, "path", { class: "pull" }));
  const arrow = make(svg, "path", { class: "query" });
  for (const [value] of spots) {
    const [cx, cy] = place(value);
    make(svg, "circle", { cx, cy, r: 5, fill: "var(--accent)" });
  }
  const point = make(svg, "path", { d: "M0,-8L8,0L0,8L-8,0Z", class: "mixture" });
  for (const [value, name] of spots) {
    const [x, y] = place(value);
    const [shift, anchor] = value[0] > 0 ? [5, "end"] : [8, "start"];
    write(x + shift, y - 12, anchor, name).setAttribute("class", "name");
  }
  make(plane, "p", { class: "legend" }, legend);

  return function draw(query, weights, mixture, said) {
    const [x, y] = place(mixture);
    pulls.forEach((pull, i) => {
      pull.setAttribute("d", `M${place(values[i])}L${x},${y}`);
      pull.style.strokeWidth = 1 + 8 * weights[i];
    });
    const [tipX, tipY] = [query[0], -query[1]].map((q) => (q / most_query) * (EDGE - 4));
    const length = Math.hypot(tipX, tipY);
    const turn = (Math.atan2(tipY, tipX) * 180) / Math.PI;
    arrow.setAttribute("d", length ? `M0,0H${length}m-9,-5l9,5l-9,5` : "");
    arrow.setAttribute("transform", `rotate(${turn})`);
    point.setAttribute("transform", `translate(${x} ${y})`);
    svg.setAttribute("aria-label", `The plane of the two numbers: ${said}`);
  };
}
