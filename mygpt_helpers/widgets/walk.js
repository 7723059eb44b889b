// A token's walk through a small model. Everything was computed before; here it is only shown.

export default livePicture("walk", ({ model, data, body, facts }) => {
  /** Add a table of a label and so many numbers a row; return its caption and its rows. */
  function makeRows(parent) {
    const [caption, head, rows] = makeTable(parent, "numbers");
    const widths = make(rows.parentElement, "colgroup");
    for (const name of ["side", ...Array(data.per_row).fill("")]) make(widths, "col", { class: name });
    head.replaceWith(widths); // before the rows, or it would not count
    return [caption, rows];
  }

  const all = data.parts.map(({ values }) => numbersIn(values, Float32Array)); // (T, all of a part)
  const [caption, shown] = makeRows(body);
  const details = make(body, "details");
  make(details, "summary", OUR_KEYS, "Open this part");
  const [within, inside] = makeRows(details);
  makeLegend(body, [["below", "below 0"], ["above", "above 0"], ["solid", "a share of 1"],
    ["masked", "masked"]]);
  body.before(facts); // what the part does, above its numbers
  details.addEventListener("toggle", () => {
    if (details.open === model.get("opened")) return;
    model.set("opened", details.open);
    tell(model);
  });
  let built, cells;

  /** Add the rows of a part: the names of its cells, if they have any, above the numbers. */
  function build(part) {
    cells = [];
    shown.replaceChildren();
    inside.replaceChildren();
    for (const { label, count, kind, names, inside: isInside } of part.rows)
      for (let start = 0; start < count; start += data.per_row) {
        const here = isInside ? inside : shown;
        const end = Math.min(count, start + data.per_row);
        if (names.length) {
          const row = make(here, "tr", { class: "names" });
          make(row, "th");
          for (const [short, whole] of names.slice(start, end))
            make(make(row, "td", { title: whole }), "bdi", {}, short);
        }
        const row = make(here, "tr", { class: kind });
        make(row, "th", { scope: "row", title: label }, start ? `from ${start}` : label);
        for (let i = start; i < end; i++) cells.push([make(make(row, "td"), "span"), kind]);
      }
    details.hidden = !inside.children.length;
  }

  return () => {
    const [place, position] = [model.get("part"), model.get("position")];
    const part = data.parts[place];
    if (place !== built) build(part);
    built = place;
    details.open = model.get("opened");
    cells.forEach(([text, kind], i) => {
      const value = all[place][position * cells.length + i];
      const isNumber = Number.isFinite(value);
      const scale = kind === "share" ? [0, 1] : [-data.most, data.most];
      const strength = kind === "before" ? value / data.pale : value;
      const { style } = text.parentElement;
      [style.backgroundColor, style.color] = isNumber ? coloursOf(strength, scale) : ["", ""];
      text.parentElement.className = isNumber ? "" : "masked";
      text.className = Number.isNaN(value) ? "unseen" : ""; // the hatch says it, to the eye
      say(text, twoDigits(value));
    });
    const title = `${part.name}, at position ${position}`;
    say(caption, title);
    say(within, `${title}: inside`);
    return { title, facts: part.formula };
  };
});
