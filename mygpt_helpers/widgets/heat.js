// A heat map as a table: the rules of mygpt_helpers/grids.py, so that the live picture and the still
// one show the same colours and the same numbers.

const HUES = { kept: [0, 114, 178], negative: [118, 42, 131], positive: [27, 120, 55] };
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

function colourOf(value, [low, high]) {
  const hue = HUES[value < 0 ? "negative" : low === 0 ? "kept" : "positive"];
  const strength = Math.min(1, Math.abs(value) / high);
  return hue.map((part) => Math.round(255 - strength * (255 - part)));
}

/** White as soon as it stands out well (4.5 to 1), else black. */
function inkOn(colour) {
  const linear = colour
    .map((part) => part / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  const luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  return luminance > 0.183 ? "#000" : "#fff";
}

const css = (colour) => `rgb(${colour.join(" ")})`;

/** Add a heat map; the function returned makes it show a grid: values, rows, columns, and texts. */
function makeHeat(parent) {
  const title = make(parent, "div", { class: "title", "aria-hidden": "true" });
  const table = make(parent, "table", { class: "heat" });
  const legend = make(parent, "p", { class: "legend" });
  const low = make(legend, "span");
  const shades = make(legend, "span", { class: "shades", "aria-hidden": "true" });
  const high = make(legend, "span");
  const masked = make(legend, "span", { class: "masked-key" }, "hatched: masked");
  const facts = make(parent, "p", { class: "facts" });
  let built = "";
  let caption;
  let cells = [];

  function build(grid) {
    const [R, C] = [grid.rows.length, grid.columns.length];
    const dense = Math.max(R, C) > MAX_NUMBERS;
    const longest = (labels) => Math.max(...labels.map(([short]) => short.length));
    const side = Math.min(230, 14 + Math.max(9 * longest(grid.rows), 7.5 * grid.row_label.length));
    const wide = Math.max(6, Math.min(dense ? 44 : 64, Math.floor((MOST_WIDE - side) / C)));
    const tall = dense ? Math.max(6, Math.min(24, Math.floor(MOST_HIGH / R))) : 28;
    const upright = 8.5 * longest(grid.columns) > wide;
    table.replaceChildren();
    table.classList.toggle("dense", dense);
    table.classList.toggle("fine", Math.min(wide, tall) < 16);
    table.style.width = `${side + C * wide}px`;
    caption = make(table, "caption");
    const widths = make(table, "colgroup");
    make(widths, "col").style.width = `${side}px`;
    make(widths, "col", { span: C }).style.width = `${wide}px`;
    const head = make(table, "thead");
    if (grid.column_label) {
      const above = make(head, "tr");
      make(above, "td");
      make(above, "th", { scope: "colgroup", colspan: C, class: "axis" }, grid.column_label);
    }
    const names = make(head, "tr");
    make(names, "td", { class: "axis" }, grid.row_label);
    grid.columns.forEach((label, c) => {
      const th = nameCell(names, "col", label, c % Math.ceil(14 / wide) === 0);
      th.classList.toggle("upright", upright);
    });
    const body = make(table, "tbody");
    cells = grid.rows.flatMap((label, r) => {
      const row = make(body, "tr");
      row.style.height = `${tall}px`;
      nameCell(row, "row", label, r % Math.ceil(14 / tall) === 0);
      return grid.columns.map(() => make(make(row, "td"), "span"));
    });
  }

  function nameCell(row, scope, [short, whole], isShown) {
    const th = make(row, "th", { scope, title: whole });
    const text = make(th, "bdi", {}, short); // isolates right-to-left text
    text.classList.toggle("skipped", !isShown);
    return th;
  }

  function paint(text, value, scale, where, dense) {
    const cell = text.parentElement;
    const isNumber = Number.isFinite(value);
    const colour = isNumber ? colourOf(value, scale) : null;
    cell.className = isNumber ? "" : "masked";
    cell.style.backgroundColor = isNumber ? css(colour) : "";
    cell.style.color = isNumber ? inkOn(colour) : "";
    say(text, dense ? "" : twoDigits(value));
    text.className = Number.isNaN(value) ? "unseen" : ""; // the hatch says it, to the eye
    if (dense) cell.title = `${where()}: ${isNumber ? twoDigits(value) : "masked"}`;
  }

  return function show(grid, scale) {
    const shape = JSON.stringify([grid.rows, grid.columns, grid.row_label, grid.column_label]);
    if (shape !== built) build(grid);
    built = shape;
    const C = grid.columns.length;
    const dense = table.classList.contains("dense");
    cells.forEach((text, i) => {
      const where = () => `${grid.rows[Math.floor(i / C)][0]}, ${grid.columns[i % C][0]}`;
      paint(text, grid.values[i], scale, where, dense);
    });
    say(title, grid.title);
    say(caption, grid.title);
    say(facts, grid.facts);
    [low, high].forEach((end, i) => say(end, String(Number(scale[i].toPrecision(3)))));
    const from = scale[0] / scale[1]; // -1 or 0
    const steps = [0, 0.25, 0.5, 0.75, 1].map((t) => (from + t * (1 - from)) * scale[1]);
    shades.style.background = `linear-gradient(90deg, ${steps.map((v) => css(colourOf(v, scale)))})`;
    masked.hidden = grid.values.every(Number.isFinite);
  };
}

/** The numbers behind a view on bytes; copied, since they may not start where the type needs it. */
function numbersIn(view, ArrayType) {
  return new ArrayType(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength));
}

