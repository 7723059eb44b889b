// A key-value cache that fills: a row for each token, as long as the layers that hold it.

export default livePicture("cache", ({ model, data, body, facts }) => {
  const { tokens, given, heads, width, bits, num_layers: numLayers, about } = data;
  makeLegend(body, [["solid", "held"], ["fresh", "◆ computed in this pass"], ["cut", "✕ freed"]]);
  const [caption, head, rows] = makeTable(body, "tokens");
  const names = make(head, "tr");
  make(names, "th", { scope: "col" }, "token");
  make(names, "th", { scope: "col", class: "bars" }, `layers, 1 to ${numLayers}`);
  for (const [name, kind] of [["layers", "number"], ["with the cache", "state"], ["without", "state"]])
    make(names, "th", { scope: "col", class: kind }, name);
  const slots = tokens.map(([short, whole]) => {
    const row = make(rows, "tr");
    const token = make(row, "th", { scope: "row", title: whole });
    token.append('"', make(token, "bdi", {}, short), '"');
    const track = make(make(row, "td", { class: "bars" }), "div", { class: "track", "aria-hidden": "true" });
    const [layers, state] = ["number", "state"].map((kind) => make(row, "td", { class: kind }));
    const without = make(row, "td", { class: "state" });
    return { row, bar: make(track, "div"), layers, state, without };
  });
  const foot = make(rows.parentElement, "tfoot");
  const sums = ["positions, this pass", "positions, all passes"].map((name) => {
    const row = make(foot, "tr");
    make(row, "th", { scope: "row" }, name);
    for (const kind of ["bars", "number"]) make(row, "td", { class: kind });
    return [make(row, "td", { class: "state" }), make(row, "td", { class: "state" })];
  });

  body.append(facts); // what keeps the place of rows to come is below all texts
  body.style.minHeight = `${22 * tokens.length + 120}px`;

  return () => {
    const [step, layer, keep] = ["step", "layer", "keep"].map((name) => model.get(name));
    const T = given + step - 1; // tokens so far
    const fresh = step === 1 ? given : 1;
    const now = layer ? "◆ computed" : "· not yet";
    let [held, freed] = [0, 0];
    slots.forEach(({ row, bar, layers, state, without }, place) => {
      const isNew = place >= T - fresh;
      const isFreed = place >= keep;
      const count = isNew ? layer : numLayers;
      row.hidden = place >= T;
      if (place >= T) return;
      if (isFreed) freed += count;
      else held += count;
      bar.className = isFreed ? "outline" : isNew ? "fresh" : "solid";
      bar.style.width = `${(100 * count) / numLayers}%`;
      bar.style.visibility = count ? "inherit" : "hidden";
      row.dataset.state = isFreed ? "cut" : isNew ? "new" : "";
      say(layers, isFreed ? "–" : String(count));
      say(state, isFreed ? "✕ freed" : isNew ? now : "↺ re-used");
      say(without, now);
    });
    const before = (step - 1) * given + ((step - 1) * (step - 2)) / 2;
    [[fresh, T], [T, before + T]].forEach((pair, i) => pair.forEach((n, j) => say(sums[i][j], commas(n))));
    const each = Math.ceil((2 * heads * width * bits) / 8);
    const title = `${about && `${about}: `}Pass ${step} of ${tokens.length - given + 1} reads `
      + (step === 1 ? "the prompt" : "one token");
    say(caption, title);
    const said = `One token in one layer: 2 × ${plural(heads, "head")} × ${plural(width, "number")} × `
      + `${bits / 8} bytes = ${commas(each)} bytes.\n`
      + `All bars together: ${plural(held, "layer")}, ${sizeText(held * each)}.`
      + (freed ? ` Freed: ${sizeText(freed * each)}.` : "");
    return { title, facts: said };
  };
});
