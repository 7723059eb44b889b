// A table of tokens: the bar and the probability of each, its state, and columns beside these.

/**
 * Add the table. headings: of the number, the state and the columns; feet: the names of the rows
 * below; outlines: whether the bars have any. Returns its caption, and for each token { show,
 * outlineAt } of makeRow with cells, those of the columns, and the cells of each foot.
 */
function makeColumns(parent, { headings, labels, feet, outlines = false }) {
  const [caption, head, body] = makeTable(parent, "tokens");
  body.parentElement.dataset.columns = headings.length; // many of them leave no room for bars on a phone
  const names = make(head, "tr");
  make(names, "th", { scope: "col" }, "token");
  makeAxis(names);
  headings.forEach((heading, i) =>
    make(names, "th", { scope: "col", class: i === 1 ? "state" : "number" }, heading));
  const addCells = (row) => headings.slice(2).map(() => make(row, "td", { class: "number" }));
  const rows = labels.map(([short, whole]) => {
    const { row, label, show, outlineAt } = makeRow(body, outlines ? 0 : undefined);
    label(short, whole);
    return { show, outlineAt, cells: addCells(row) };
  });
  const foot = make(body.parentElement, "tfoot");
  const below = feet.map((name) => {
    const row = make(foot, "tr");
    make(row, "th", { scope: "row" }, name);
    make(row, "td", { class: "bars" });
    const first = ["number", "state"].map((kind) => make(row, "td", { class: kind }));
    return [...first, ...addCells(row)];
  });
  return { caption, rows, below };
}

