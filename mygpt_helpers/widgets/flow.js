// A text in tiles that are coloured by how likely each token was. The tiles are one stop of the Tab key;
// arrows, Home and End move along the text.

/**
 * Add a text, its legend, and below them the facts on one of its tokens: the one that is pointed at or
 * reached, the attribute `token`. The function returned shows what ColouredText in likelihood.py sends,
 * and returns which token that is.
 */
function makeFlow(model, body, facts) {
  const text = make(body, "div", { class: "flow", role: "group", "aria-label": "the text; arrow keys move" });
  const legend = makeLegend(body, [
    ["shades", "0% to 100% by the model"], ["prompt", "plain: given"], ["prompt", "a long text scrolls"],
  ]);
  text.after(legend, facts); // a fixed place, whatever token is looked at
  let data, tiles, marked;

  const isBreak = (short) => short.includes("⏎");
  function add(tag, attributes, [short, whole]) {
    const node = make(text, tag, { title: whole, ...attributes });
    make(node, "bdi", {}, short);
    if (isBreak(short)) make(text, "span", { class: "break", "aria-hidden": "true" });
    return node;
  }

  function makeTile(label, i) {
    const [ground, color] = [`rgb(${data.grounds[i].join(" ")})`, data.inks[i]];
    const style = `--ground: ${ground}; --ink: ${color}; --part: ${data.parts[i]}%`;
    const tile = add("button", { type: "button", tabindex: -1, style, ...OUR_KEYS }, label);
    make(tile, "small", {}, data.percents[i]);
    function choose() {
      if (model.get("token") === i) return;
      model.set("token", i);
      tell(model);
    }
    for (const event of ["focus", "click"]) tile.addEventListener(event, choose);
    // Not pointerenter: a text that scrolls under a mouse at rest would choose, too.
    tile.addEventListener("pointermove", choose);
    return tile;
  }

  const place = () => Math.min(model.get("token"), tiles.length - 1);
  text.addEventListener("keydown", (event) => {
    const [now, last] = [place(), tiles.length - 1];
    const to = { ArrowRight: now + 1, ArrowLeft: now - 1, Home: 0, End: last }[event.key];
    if (to === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    tiles[Math.min(last, Math.max(0, to))].focus();
  });

  return (sent) => {
    if (sent !== data) {
      const focused = text.contains(document.activeElement);
      [data, marked] = [sent, undefined];
      text.replaceChildren();
      if (data.before) make(text, "span", { class: "before" }, data.before);
      for (const label of data.prompt) add("span", { class: "prompt" }, label);
      tiles = data.tokens.map(makeTile);
      legend.lastChild.hidden = tiles.length + data.prompt.length <= 100;
      if (focused) tiles[place()].focus();
    }
    const now = place();
    if (marked !== now) {
      for (const [i, here] of [[marked, false], [now, true]]) {
        tiles[i]?.setAttribute("tabindex", here ? 0 : -1);
        tiles[i]?.toggleAttribute("aria-current", here);
      }
      marked = now;
    }
    sayToken(facts, `${data.summary}\ntoken ${now + 1}: "`, data.tokens[now], `"${data.stories[now]}`);
    return now;
  };
}

