// A heat map as a table: the rules of pictures/grids.py, so that the live picture and the still one show
// the same colours and the same numbers.

// Each colour at the end of a scale, and the strength from which white stands out on it (4.5 to 1).
const HUES = {
  kept: [[0, 114, 178], 0.921],
  negative: [[118, 42, 131], 0.737],
  positive: [[27, 120, 55], 0.895],
};
const MAX_NUMBERS = 12;
const MOST_WIDE = 700; // pixels, with the labels at the side
const MOST_HIGH = 460; // without those above

/** Round to two digits as Python does: a tie, such as 0.125, goes to the even digit. */
function twoDigits(value) {
  if (Number.isNaN(value)) return "-";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  if (Math.abs(value) >= 1e5)
    return value.toExponential(2).replace(/e(.)(\d)$/, (_, sign, digit) => `e${sign}0${digit}`);
  const down = Math.trunc(value * 100);
  const isTie = Number.isInteger(value * 8) && !Number.isInteger(value * 4);
  const text = isTie && down % 2 === 0 ? (down / 100).toFixed(2) : value.toFixed(2);
  return Number(text) === 0 ? text.replace("-", "") : text;
}

/** The ground and the ink of a cell. */
function coloursOf(value, [low, high]) {
  const [hue, dark] = HUES[value < 0 ? "negative" : low === 0 ? "kept" : "positive"];
  const strength = Math.min(1, Math.abs(value) / high);
  const ground = hue.map((part) => Math.round(255 - strength * (255 - part)));
  return [`rgb(${ground.join(" ")})`, strength < dark ? "#000" : "#fff"];
}

/** Add a heat map; the function returned shows a grid: values, rows, columns, and texts. */
function makeHeat(parent, scale) {
  const [caption, head, body] = makeTable(parent, "heat");
  const table = body.parentElement;
  makeScroller(table);
  const widths = make(table, "colgroup");
  caption.after(widths);
  const legend = makeLegend(parent, [["masked", "hatched: masked"]]);
  const ends = scale.map((end) => make(legend, "span", {}, String(Number(end.toPrecision(3)))));
  const shades = [...new Set([scale[0], 0, scale[1]])].map((value) => coloursOf(value, scale)[0]);
  const style = `width: 120px; height: 10px; background: linear-gradient(90deg, ${shades})`;
  ends[0].after(make(legend, "span", { class: "shades", style, "aria-hidden": "true" }));
  legend.append(legend.firstChild);
  let built, cells, dense;

  function build(grid) {
    const [R, C] = [grid.rows.length, grid.columns.length];
    dense = Math.max(R, C) > MAX_NUMBERS;
    const longest = (labels) => Math.max(...labels.map(([short]) => short.length));
    const side = Math.min(230, 14 + Math.max(9 * longest(grid.rows), 7.5 * grid.row_label.length));
    const wide = Math.max(6, Math.min(dense ? 44 : 64, Math.floor((MOST_WIDE - side) / C)));
    const tall = dense ? Math.max(6, Math.min(24, Math.floor(MOST_HIGH / R))) : 28;
    const upright = 8.5 * longest(grid.columns) > wide;
    for (const part of [widths, head, body]) part.replaceChildren();
    table.classList.toggle("fine", Math.min(wide, tall) < 16);
    const names = `min(${side}px, var(--names))`;
    table.style.width = `calc(${names} + ${C * wide}px)`;
    make(widths, "col").style.width = names;
    make(widths, "col", { span: C }).style.width = `${wide}px`;
    if (grid.column_label) {
      const above = make(head, "tr");
      make(above, "td");
      const axis = { scope: "colgroup", colspan: C, class: "axis", style: "text-align: left" };
      make(above, "th", axis, grid.column_label);
    }
    const heads = make(head, "tr");
    make(heads, "td", { class: "axis" }, grid.row_label);
    grid.columns.forEach((label, c) => {
      const th = nameCell(heads, "col", label, c % Math.ceil(14 / wide) === 0);
      th.classList.toggle("upright", upright);
    });
    cells = grid.rows.flatMap((label, r) => {
      const row = make(body, "tr");
      row.style.height = `${tall}px`;
      nameCell(row, "row", label, r % Math.ceil(14 / tall) === 0);
      return grid.columns.map(() => make(make(row, "td"), "span"));
    });
  }

  function nameCell(row, scope, [short, whole], isShown) {
    const th = make(row, "th", { scope, title: whole });
    make(th, "bdi", { class: isShown ? "" : "skipped" }, short); // isolates right-to-left text
    return th;
  }

  return function show(grid) {
    const shape = JSON.stringify([grid.rows, grid.columns, grid.row_label, grid.column_label]);
    if (shape !== built) build(grid);
    built = shape;
    const C = grid.columns.length;
    cells.forEach((text, i) => {
      const value = grid.values[i];
      const isNumber = Number.isFinite(value);
      const cell = text.parentElement;
      [cell.style.backgroundColor, cell.style.color] = isNumber ? coloursOf(value, scale) : ["", ""];
      cell.className = isNumber ? "" : "masked";
      text.className = Number.isNaN(value) ? "unseen" : ""; // the hatch says it, to the eye
      say(text, dense ? "" : twoDigits(value));
      const place = `${grid.rows[Math.floor(i / C)][0]}, ${grid.columns[i % C][0]}`;
      if (dense) cell.title = `${place}: ${isNumber ? twoDigits(value) : "masked"}`;
    });
    say(caption, grid.title);
    legend.lastChild.hidden = grid.values.every(Number.isFinite);
    return { title: grid.title, facts: grid.facts };
  };
}

