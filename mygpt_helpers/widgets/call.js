// A call put together by sliders. Its code is written here; what comes of it, Python says after a press.

const MOST_ROWS = 7; // the call, five lines that it said, its text

export default livePicture("call", ({ model, data, panel, body }) => {
  const moves = make(panel, "div", { class: "buttons" });
  const placesIn = (asked) => asked.slice(asked.indexOf(" ") + 1);
  const isRun = (asked) => placesIn(asked) === model.get("chosen").join(",");
  const waits = () => model.get("asked") !== model.get("_answer").question?.asked;
  makeButton(moves, "run", () => {
    if (waits() && isRun(model.get("asked"))) return; // it runs already
    model.set("asked", `${1 + Number.parseInt(model.get("asked"), 10)} ${model.get("chosen").join(",")}`);
    tell(model);
  });
  const [caption, , rows] = makeTable(body, "call");
  say(caption, data.title);
  const slots = Array.from({ length: MOST_ROWS }, () => {
    const row = make(rows, "tr");
    return { row, name: make(row, "th", { scope: "row" }), text: make(make(row, "td"), "bdi") };
  });
  body.setAttribute("aria-live", "polite"); // what came of the press

  return () => {
    const chosen = model.get("chosen");
    const given = data.settings.flatMap((texts, i) => (chosen[i] ? [texts[chosen[i] - 1]] : []));
    const code = (given.length ? data.head + given.join(", ") : data.head.replace(/, $/, "")) + ")";
    const { rows: came, places } = model.get("_answer"); // of the last call that was answered
    const isOf = places?.join() === chosen.join() && !waits();
    const now = [["call", code], ...(isOf ? came : [data.waits])];
    slots.forEach(({ row, name, text }, i) => {
      row.hidden = i >= now.length;
      say(name, now[i]?.[0] ?? "");
      say(text, now[i]?.[1] ?? "");
    });
    return { title: data.title, facts: "" };
  };
});
