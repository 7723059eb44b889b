// What a model would write after each of its layers, under a slider. Everything was computed before.

const RANKS_HIGH = 120; // pixels

/** Draw the final answer's rank at each layer, on a logarithmic axis, rank 1 on top. */
function makeRanks(svg, width, ranks) {
  svg.setAttribute("aria-label", `rank of the final answer after each layer: ${ranks.map(commas).join("; ")}`);
  const powers = Math.max(1, Math.ceil(Math.log10(Math.max(...ranks))));
  const across = (layer) => 66 + (layer / Math.max(1, ranks.length - 1)) * (width - 86);
  const down = (rank) => 10 + (Math.log10(rank) / powers) * (RANKS_HIGH - 44);
  for (let power = 0; power <= powers; power++) {
    const y = down(10 ** power);
    make(svg, "path", { d: `M66,${y}H${width - 20}`, style: "stroke: var(--line)" });
    make(svg, "text", { x: 58, y: y + 4, "text-anchor": "end" }, commas(10 ** power));
  }
  const caption = "rank of the final answer after each layer (1 is the top)";
  make(svg, "text", { x: width / 2, y: RANKS_HIGH - 6, "text-anchor": "middle" }, caption);
  const style = "stroke: var(--accent); stroke-width: 2";
  const points = ranks.map((rank, i) => `${across(i)},${down(rank)}`).join(" ");
  make(svg, "polyline", { points, fill: "none", style });
  const dot = make(svg, "circle", { r: 5, fill: "var(--chosen)" });
  return (layer) => {
    dot.setAttribute("cx", across(layer));
    dot.setAttribute("cy", down(ranks[layer]));
  };
}

export default livePicture("lens", ({ model, data, body, facts }) => {
  const { tokens, layers } = data;
  const [caption, head, rows] = makeTable(body, "tokens tops");
  const names = make(head, "tr");
  for (const name of ["token", "what would come next"]) make(names, "th", { scope: "col" }, name);
  makeAxis(names);
  make(names, "th", { scope: "col", class: "number" }, "prob.");
  const quoted = (cell, [short, whole]) => sayToken(cell, '"', [short, whole], '"');
  const cells = tokens.map((token) => {
    const row = make(rows, "tr");
    quoted(make(row, "th", { scope: "row" }), token);
    const next = make(row, "td", { class: "would" });
    const track = make(make(row, "td", { class: "bars" }), "div", { class: "track", "aria-hidden": "true" });
    const solid = make(track, "div", { class: "solid", style: "width: 100%" });
    return { next, solid, number: make(row, "td", { class: "number" }) };
  });
  make(body, "p", { class: "legend" }, "after the last token, the top few:");
  const show = makeBars(body, layers[0].bars.labels.length);
  const ranks = layers.map(({ rank }) => rank);
  const mark = makeChart(body, RANKS_HIGH, (svg, width) => makeRanks(svg, width, ranks));

  return () => {
    const layer = model.get("layer");
    const { title, tops, bars, story } = layers[layer];
    tops.forEach(([label, prob], i) => {
      quoted(cells[i].next, label);
      cells[i].solid.style.transform = `scaleX(${prob})`;
      say(cells[i].number, prob.toFixed(3));
    });
    show(bars);
    mark(layer);
    say(caption, `Top tokens: ${title}`);
    sayToken(facts, 'the final answer "', data.answer, `"${story}`);
    return { title, facts: facts.textContent };
  };
});
