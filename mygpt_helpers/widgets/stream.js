// A text that appears while Python writes it. The buttons count their clicks: Python answers with how
// many it has heard of, and the shared frame says when it is late or gone.

export default livePicture("stream", ({ model, data, panel, body, facts }) => {
  const box = makeLineBox(panel, "prompt", () => write.click());
  const moves = make(panel, "div", { class: "buttons" });
  const running = () => Boolean(model.get("_answer").running);
  const [write, stop] = [["write", "_clicks"], ["stop", "_stops"]].map(([name, count]) =>
    makeButton(moves, name, () => {
      if (name === "stop" && !running()) return;
      model.set({ prompt: box.value.toWellFormed?.() ?? box.value, [count]: model.get(count) + 1 });
      tell(model);
    }));
  const [caption, , rows] = makeTable(body, "streamed");
  say(caption, data.title);
  const row = make(rows, "tr");
  make(row, "th", { scope: "row" }, "written");
  const text = make(make(row, "td", { role: "log", "aria-live": "off" }), "bdi");
  facts.setAttribute("aria-live", "off"); // the note is spoken: it says how the text ended
  let shown;

  return () => {
    const now = model.get("_answer");
    if (model.get("prompt") !== shown) box.value = shown = model.get("prompt"); // set from Python
    say(text, now.text);
    // The attribute `disabled` would take the keyboard's focus away.
    write.setAttribute("aria-disabled", running());
    stop.setAttribute("aria-disabled", !running());
    const note = running() && lifeOf(model).gone ? GONE : now.said;
    return { title: data.title, facts: now.line, note };
  };
});
