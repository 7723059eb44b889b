// The loop that writes a text, a step at a time: tiles with the mask under them, the bars of what may
// come next, and the choice. Everything was computed before; here it is only shown.

export default livePicture("trace", ({ model, data, panel, body, facts }) => {
  const { tokens, first, given, choices, per_row: perRow } = data;
  const bands = Math.min(data.bands, Math.ceil(tokens.length / perRow));
  const moves = make(panel, "div", { class: "moves" });
  const [back, forward] = [["◀ back", -1], ["forward ▶", 1]].map(([name, by]) =>
    makeButton(moves, name, () => {
      model.set("step", Math.min(choices.length - 1, Math.max(0, model.get("step") + by)));
      tell(model);
    }));
  // Without knobs an outline would stand on each bar's own edge.
  const differ = ({ before, after }) => before.some((p, i) => Math.abs(p - after[i]) > 1e-4);
  const outlines = choices.some(differ) ? choices[0].before : [];
  const bars = outlines.length ? [["solid", "after the knobs"], ["outline", "by the model alone"]] : [];
  const kinds = [["given", "given"], ["written", "written"], ["next", "◆ chosen: comes next"]];
  makeLegend(body, [...kinds, ...bars]);
  const [caption, , rows] = makeTable(body, "tiles");
  const addRow = () => {
    const row = make(rows, "tr");
    return [make(row, "th", { scope: "row" }), ...Array.from({ length: perRow }, () => make(row, "td"))];
  };
  const slots = Array.from({ length: bands }, () => {
    const [position, ...cells] = addRow();
    const [name, ...mask] = addRow();
    say(name, "mask");
    const tiles = cells.map((cell) => {
      const tile = make(cell, "div");
      return { tile, sign: make(tile, "span"), text: make(tile, "bdi") };
    });
    return { position, tiles, mask };
  });
  const show = makeBars(body, Math.max(...choices.map(({ labels }) => labels.length)), outlines);
  facts.setAttribute("aria-live", "polite"); // what the two buttons changed

  return () => {
    const step = model.get("step");
    const length = given + step; // of the text so far
    const start = Math.max(0, Math.ceil((length + 1) / perRow) - data.bands) * perRow;
    slots.forEach(({ position, tiles, mask }, band) => {
      const from = start + band * perRow;
      for (const { parentElement: row } of [position, mask[0]])
        row.style.visibility = from <= length ? "" : "hidden"; // it keeps its place
      say(position, `position ${from}`);
      tiles.forEach(({ tile, sign, text }, column) => {
        const at = from + column;
        const [short, whole] = at <= length ? tokens[at - first] : ["", ""];
        tile.className = at > length ? "" : at === length ? "next" : at < given ? "given" : "written";
        tile.title = whole && `position ${at}: ${whole}`;
        say(sign, at === length ? "◆ " : "");
        say(text, short);
        say(mask[column], at < length ? "1" : "");
      });
    });
    // The attribute `disabled` would take the keyboard's focus away at the end.
    back.setAttribute("aria-disabled", step === 0);
    forward.setAttribute("aria-disabled", step === choices.length - 1);
    const title = data.titles[step];
    say(caption, title);
    show({ ...choices[step], title });
    sayToken(facts, 'chosen: "', tokens[length - first], `"${choices[step].story}`);
    return { title, facts: facts.textContent };
  };
});
