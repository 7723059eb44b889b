// A table of tokens: the bar and the probability of each, its state, and columns beside these.

/**
 * Add the table. headings: of the number, the state and the columns; feet: the names of the rows
 * below. Returns its caption, and { show, cells } for each token and cells for each foot; show is that
 * of makeRow, and cells are the columns'. before: the outlines.
 */
function makeColumns(parent, { headings, labels, feet, before = [] }) {
  const [caption, head, body] = makeTable(parent, "tokens");
  const names = make(head, "tr");
  make(names, "th", { scope: "col" }, "token");
  make(names, "td", { class: "bars" });
  headings.forEach((heading, i) =>
    make(names, "th", { scope: "col", class: i === 1 ? "state" : "number" }, heading));
  const addCells = (row) => headings.slice(2).map(() => make(row, "td", { class: "number" }));
  const rows = labels.map(([short, whole], i) => {
    const { row, label, show } = makeRow(body, before[i]);
    label(short, whole);
    return { show, cells: addCells(row) };
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

