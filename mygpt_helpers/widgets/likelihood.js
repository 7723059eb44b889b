// A text whose tiles are coloured by how likely each token was, and below it what is to be said about
// one of them. The tiles are one stop of the Tab key; arrows, Home and End move along the text.

export default livePicture("likelihood", ({ model, data, title, body, facts }) => {
  const { tokens, alternatives } = data;
  const last = tokens.length - 1;
  const clamp = (i) => Math.min(last, Math.max(0, i));
  const text = make(body, "div", { class: "flow", role: "group", "aria-label": "the text; arrow keys move" });
  if (data.before) make(text, "span", { class: "before" }, data.before);
  const isBreak = (short) => short.includes("⏎");
  function add(tag, attributes, [short, whole]) {
    const node = make(text, tag, { title: whole, ...attributes });
    make(node, "bdi", {}, short);
    if (isBreak(short)) make(text, "span", { class: "break", "aria-hidden": "true" });
    return node;
  }
  for (const label of data.prompt) add("span", { class: "prompt" }, label);
  const tiles = tokens.map((label, i) => {
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
  });
  text.addEventListener("keydown", (event) => {
    const now = model.get("token");
    const to = { ArrowRight: now + 1, ArrowLeft: now - 1, Home: 0, End: last }[event.key];
    if (to === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    tiles[clamp(to)].focus();
  });
  const keys = [["shades", "0% to 100% by the model"], ["prompt", "plain: given"]];
  if (tokens.length + data.prompt.length > 100) keys.push(["prompt", "a long text scrolls"]);
  const legend = makeLegend(body, keys);
  text.after(legend, facts); // a fixed place, whatever token is looked at
  const show = makeBars(body, Math.max(...alternatives.map(({ labels }) => labels.length)));
  let marked;

  return () => {
    const now = model.get("token");
    if (marked !== now) {
      for (const [i, here] of [[marked, false], [now, true]]) {
        tiles[i]?.setAttribute("tabindex", here ? 0 : -1);
        tiles[i]?.toggleAttribute("aria-current", here);
      }
      marked = now;
    }
    show({ ...alternatives[now], title: data.title });
    sayToken(facts, `${data.summary}\ntoken ${now + 1}: "`, tokens[now], `"${data.stories[now]}`);
    return { title: data.title, facts: facts.textContent };
  };
});
