// Any prompt under all knobs. Python writes; here its text is looked at, and asked to go on from another
// token. While a text is on its way, a second press is refused.

export default livePicture("playground", ({ model, data, panel, body, facts }) => {
  const box = makeTextBox(panel, "prompt", { rows: 2 });
  panel.prepend(box.parentElement);
  // What is never typed in is never sent: a text area has its own mind about line ends.
  box.addEventListener("input", () => model.set("prompt", box.value.toWellFormed?.() ?? box.value));
  box.addEventListener("change", () => tell(model));

  const waits = () => model.get("asked") !== (model.get("_answer").question?.asked ?? "");
  function ask(what) {
    if (waits()) return;
    model.set("asked", `${1 + Number.parseInt(model.get("asked"), 10)} ${what}`);
    tell(model);
  }
  const moves = make(panel, "div", { class: "buttons" });
  const write = makeButton(moves, "write", () => ask("write"));
  const back = makeButton(moves, "back", () => model.get("_answer").text?.first === false && ask("back"));

  const flow = makeFlow(model, body, facts);
  const hint = "press a token to put it there and go on";
  make(body, "p", { class: "legend" }, `the alternatives at its place; ${hint}:`);
  let text, place;
  const show = makeBars(body, data.rows, [], (row) => ask(`go ${place} ${row}`));
  const [caption, , rows] = makeTable(body, "call");
  say(caption, `${data.title}: the line of Python that gives this text again`);
  const [line] = [["line", ""], ["needs", data.needs]].map(([name, said]) => {
    const row = make(rows, "tr");
    make(row, "th", { scope: "row" }, name);
    return make(make(row, "td"), "bdi", { class: "code" }, said);
  });
  let typed, seen;

  return () => {
    if (model.get("prompt") !== typed) {
      typed = model.get("prompt");
      if (document.activeElement !== box || box.value !== typed) box.value = typed;
    }
    const busy = waits();
    const sent = model.get("_answer").text;
    body.hidden = !sent;
    for (const [button, off] of [[write, busy], [back, busy || sent?.first !== false]])
      button.setAttribute("aria-disabled", off);
    say(write, busy ? "writing…" : "write");
    const progress = model.get("_progress");
    if (!sent) return { title: "", facts: "", waits: progress };
    if (sent !== seen && JSON.stringify(sent) !== JSON.stringify(text)) text = sent;
    seen = sent; // an answer that says what is wrong brings the same text as a new object
    place = flow(text);
    show({ ...text.alternatives[place], title: data.title });
    say(line, text.code);
    const moved = data.settings.some((name) => model.get(name) !== text.settings[name]);
    return { title: data.title, facts: facts.textContent, note: moved ? data.moved : "", waits: progress };
  };
});
