// The tree of a search: a column for each level, an edge for each token. A node that is chosen shows its
// text below; where nothing goes on from it, Python is asked to grow branches.

const HIGH = 42, EDGE = 42; // of a row, and what an edge takes of a column; live.css has its width
const depthOf = (key) => (key ? key.split(",").length : 0);
const parentOf = (key) => key.split(",").slice(0, -1).join(",");

/** Nodes by their key, in the order in which Python draws them, too. */
function orderNodes(sent) {
  const levels = [];
  for (const [key, texts, logProb, score, state, greedy] of sent)
    (levels[depthOf(key)] ??= []).push({ key, texts, logProb, score, state, greedy, parent: parentOf(key) });
  const place = new Map();
  for (const level of levels.filter(Boolean)) {
    level.sort((a, b) => (place.get(a.parent) ?? 0) - (place.get(b.parent) ?? 0) || b.logProb - a.logProb);
    level.forEach(({ key }, i) => place.set(key, i));
  }
  return new Map(levels.flat().filter(Boolean).map((node) => [node.key, node]));
}

export default livePicture("tree", ({ model, data, panel, body, facts }) => {
  const moves = make(panel, "div", { class: "moves" });
  const back = makeButton(moves, "◀ one token back", () => model.get("chosen") && choose(parentOf(model.get("chosen"))));
  const start = makeButton(moves, "to the prompt", () => choose(""));
  const signs = Object.values(data.signs).filter((sign) => data.grows || sign !== data.signs.grown);
  make(body, "p", { class: "legend" }, [...signs, "▲ greedy", "◆ chosen"].join("   "));
  const branches = make(body, "div", { class: "branches" });
  const area = make(branches, "div", { role: "group", "aria-label": "the tree; arrow keys move, Enter chooses" });
  const scroller = makeScroller(area);
  const text = make(body, "p", { class: "text" });
  const [caption, head, rows] = makeTable(body, "sums");
  const names = make(head, "tr");
  for (const name of ["token", "log-probability", "sum so far"]) make(names, "th", { scope: "col" }, name);
  facts.setAttribute("aria-live", "polite");
  let nodes, grown, drawn, at, tiles = new Map(), columns = [];

  const answered = () => model.get("_answer").question?.asked ?? "";
  const keyOf = (asked) => asked.slice(asked.indexOf(" ") + 1);
  const waitsFor = () => (model.get("asked") === answered() || lifeOf(model).gone ? undefined : keyOf(model.get("asked")));

  const below = (key) => [...nodes.values()].filter(({ parent }) => parent === key);
  const canGrow = (key) => data.grows && !below(key).length && nodes.get(key)?.state !== "ended";

  function choose(key) {
    if (waitsFor() === key && model.get("chosen") === key) return;
    const count = 1 + Number.parseInt(model.get("asked") || "0", 10);
    if (canGrow(key)) model.set("asked", `${count} ${key}`);
    else if (!model.get("_answer").error) model.set("asked", answered());
    model.set("chosen", key);
    const depth = depthOf(key);
    const last = model.get("_sliders")[0].stops.at(-1);
    if (below(key).length || canGrow(key)) model.set("level", Math.max(model.get("level"), Math.min(last, depth + 1)));
    if (depth && depth < lastColumn() - data.columns + 1)
      model.set("level", Math.min(last, depth + data.columns - 1));
    if (!depth && last) model.set("level", Math.min(model.get("level"), data.columns));
    tell(model);
  }

  function lastColumn() {
    const [chosen, level] = [model.get("chosen"), model.get("level")];
    if (level < model.get("_sliders")[0].stops.at(-1)) return level; // back in the search
    const near = ({ key, parent, state }) => state === "grown" && (key === chosen || parent === chosen);
    return Math.max(level, ...[...nodes.values()].filter(near).map(({ key }) => depthOf(key)));
  }

  function move(event) {
    const now = nodes.get(event.target.closest("button")?.dataset.key);
    if (!now || event.ctrlKey || event.metaKey || event.altKey) return;
    const column = columns.find((all) => all.includes(now));
    const next = {
      ArrowUp: () => column[column.indexOf(now) - 1],
      ArrowDown: () => column[column.indexOf(now) + 1],
      ArrowLeft: () => nodes.get(now.parent),
      ArrowRight: () => columns.flat().find(({ parent }) => parent === now.key),
    }[event.key];
    if (!next) return;
    event.preventDefault();
    tiles.get(next()?.key)?.tile.focus();
  }
  area.addEventListener("keydown", move);

  /** Draw columns anew: only where other nodes are shown than before. */
  function draw(first) {
    const focused = area.contains(document.activeElement) && document.activeElement.dataset.key;
    const most = Math.max(1, ...columns.map((all) => all.length));
    const height = HIGH * most + 24;
    area.replaceChildren();
    area.style = `--columns: ${data.columns}; --shown: ${columns.length}; height: ${height}px`;
    const svg = make(area, "svg", { height, "aria-label": "edges" });
    tiles = new Map();
    const ends = new Map([["", height / 2 + 12]]);
    if (first === 1) make(svg, "circle", { cx: -6, cy: height / 2 + 12, r: 3, fill: "currentColor" }); // the prompt
    columns.forEach((all, x) => {
      const left = (shift) => `calc(${x} * var(--wide) + ${shift}px)`;
      const edges = make(svg, "g", { style: `transform: translateX(${left(0)})` });
      make(area, "div", { class: "level", style: `left: ${left(EDGE)}` }, `level ${first + x}`);
      const shift = 24 + ((most - all.length) * HIGH) / 2;
      all.forEach((node, y) => {
        const middle = shift + HIGH * (y + 0.5);
        const from = ends.get(node.parent) ?? middle;
        const points = [[-6, from], [8, middle], [EDGE, middle]].join(" ");
        const line = make(edges, "path", { d: `M${points.replace(/ /g, "L")}`, fill: "none" });
        make(area, "span", { class: "edge", style: `left: ${left(6)}; top: ${middle - 17}px` }, node.logProb.toFixed(2));
        const style = `left: ${left(EDGE)}; top: ${middle - HIGH / 2 + 2}px`;
        const tile = make(area, "button", { type: "button", "data-key": node.key, style, title: node.texts[1], ...OUR_KEYS });
        make(tile, "bdi", {}, node.texts[0] || '""');
        tiles.set(node.key, { tile, line, node, small: make(tile, "small") });
        tile.addEventListener("click", () => choose(node.key));
      });
      all.forEach((node, y) => ends.set(node.key, shift + HIGH * (y + 0.5)));
    });
    tiles.get(focused)?.tile.focus();
  }

  /** Bring a column into sight, where not all are, and the one before it. */
  function scrollTo(column) {
    const wide = area.clientWidth / columns.length;
    const { scrollLeft, clientWidth } = scroller;
    const end = Math.max(scrollLeft, column * wide + area.offsetLeft - clientWidth);
    scroller.scrollLeft = Math.min(end, (column - 2) * wide);
  }

  return () => {
    const answer = model.get("_answer");
    if (!nodes || grown !== answer.grown) nodes = orderNodes([...data.nodes, ...(answer.grown ?? [])]);
    grown = answer.grown;
    const [chosen, level] = [model.get("chosen"), model.get("level")];
    const last = lastColumn();
    const first = Math.max(1, last - data.columns + 1);
    const shown = [...nodes.values()].filter(({ key, state }) => depthOf(key) >= first && depthOf(key) <= last
      && (depthOf(key) <= level || state === "grown" || `${chosen},`.startsWith(`${key},`)));
    const signature = `${first} ${last} ${shown.map(({ key }) => key).join(" ")}`;
    if (signature !== drawn) {
      columns = Array.from({ length: Math.max(0, last - first + 1) }, (_, x) => shown.filter(({ key }) => depthOf(key) === first + x));
      draw(first);
    }
    drawn = signature;
    if (at !== undefined && at !== `${chosen} ${level}`)
      scrollTo(Math.min(last, chosen === at.split(" ")[0] ? level : depthOf(chosen) + 1) - first + 1);
    at = `${chosen} ${level}`;
    const path = chosen ? chosen.split(",").map((_, i, all) => nodes.get(all.slice(0, i + 1).join(","))) : [];
    const waiting = waitsFor();
    for (const { tile, line, node, small } of tiles.values()) {
      const isChosen = path.includes(node);
      for (const part of [tile, line]) part.setAttribute("class", `${node.state}${node.greedy ? " greedy" : ""}${isChosen ? " on" : ""}`);
      tile.toggleAttribute("aria-current", node.key === chosen);
      tile.tabIndex = node.key === (tiles.has(chosen) ? chosen : [...tiles.keys()][0]) ? 0 : -1;
      const marks = `${data.signs[node.state][0]}${node.greedy ? "▲" : ""}${isChosen ? "◆" : ""}`;
      say(small, node.key === waiting ? "waiting…" : `Σ ${node.score.toFixed(2)} ${marks}`);
    }
    text.replaceChildren();
    make(text, "bdi", {}, data.prompt);
    make(text, "bdi", { class: "new" }, path.map(({ texts }) => texts[2]).join(""));
    const steps = path.slice(-data.rows);
    rows.parentElement.hidden = !steps.length;
    while (rows.children.length > steps.length) rows.lastChild.remove();
    while (rows.children.length < steps.length) {
      const row = make(rows, "tr");
      make(row, "th", { scope: "row" });
      for (let i = 0; i < 2; i++) make(row, "td");
    }
    steps.forEach(({ texts, logProb, score }, i) => {
      const [name, one, sum] = rows.children[i].children;
      name.replaceChildren('"', make(name, "bdi", { title: texts[1] }, texts[0]), '"');
      say(one, logProb.toFixed(2));
      say(sum, score.toFixed(2));
    });
    back.setAttribute("aria-disabled", !chosen);
    start.setAttribute("aria-disabled", !chosen && !canGrow(""));
    say(start, canGrow("") ? "grow from the prompt" : "to the prompt");
    const levels = last < 1 ? "the prompt alone" : first === last ? `level ${last}` : `levels ${first} to ${last}`;
    const title = `${data.title}: ${levels}`;
    say(caption, title);
    const [n, total] = [path.length, path.at(-1)?.score ?? 0];
    const many = n === 1 ? "1 token" : `${n} tokens`;
    const said = n ? `chosen: ${many}, sum ${total.toFixed(2)}, mean ${(total / n).toFixed(2)}` : "chosen: the prompt itself, sum 0.00";
    return { title, facts: said, note: waiting === undefined ? "" : "Waiting for the model…" };
  };
});
