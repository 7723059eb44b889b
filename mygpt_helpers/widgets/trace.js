// The loop that writes a text, a step at a time: tiles with the mask under them, the bars of what may
// come next, and the choice. Everything was computed before; here it is only shown.

export default livePicture("trace", ({ model, data, panel, body, facts }) => {
  const { tokens, first, given, choices } = data;
  const most = data.bands * data.per_row; // tokens that are shown at a time
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
  let perRow, slots;

  /** Add so many tiles a row, and rows for as many tokens as there can be. */
  function layOut(columns) {
    perRow = columns;
    rows.replaceChildren();
    const addRow = () => {
      const row = make(rows, "tr");
      return [make(row, "th", { scope: "row" }), ...Array.from({ length: perRow }, () => make(row, "td"))];
    };
    const bands = Math.ceil(Math.min(most, tokens.length) / perRow);
    slots = Array.from({ length: bands }, () => {
      const [position, ...cells] = addRow();
      const [name, ...mask] = addRow();
      say(name, "mask");
      const tiles = cells.map((cell, column) => {
        const tile = make(cell, "div", { style: `--room: ${perRow - column}` });
        return { tile, sign: make(tile, "span"), text: make(tile, "bdi") };
      });
      return { position, tiles, mask };
    });
  }

  layOut(data.per_row);
  const show = makeBars(body, Math.max(...choices.map(({ labels }) => labels.length)), outlines);
  facts.setAttribute("aria-live", "polite"); // what the two buttons changed

  function paint() {
    const step = model.get("step");
    const length = given + step; // of the text so far
    const start = Math.max(0, Math.ceil((length + 1) / data.per_row) - data.bands) * data.per_row;
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
  }

  // Where there is little room, a row has fewer tokens rather than a letter of each.
  new ResizeObserver(([{ contentRect: { width } }]) => {
    const columns = width < 560 ? Math.max(3, Math.floor(width / 80)) : data.per_row;
    if (!width || columns === perRow) return;
    layOut(columns);
    paint();
  }).observe(body);
  return paint;
});
