// A question and its choices. Choosing judges nothing; the button unfolds what is right, and why.

export default livePicture("question", ({ model, data, body, facts }) => {
  const fields = make(body, "fieldset");
  make(fields, "legend", { class: "unseen" }, data.text); // the eye has the title
  const group = `mygpt-${Math.random().toString(36).slice(2)}`;
  const choices = data.choices.map(({ text }, i) => {
    const row = make(fields, "div", { class: "choice" });
    const label = make(row, "label");
    const input = make(label, "input", { type: "radio", name: group, ...OUR_KEYS });
    make(label, "bdi", {}, text);
    input.addEventListener("change", () => set("choice", i));
    const verdict = make(row, "strong");
    row.append(" ");
    return { row, input, verdict, why: make(row, "bdi") };
  });
  const line = make(body, "div", { class: "asked" });
  const button = makeButton(line, "", () => set("unfolded", !model.get("unfolded")));
  line.append(facts);
  facts.setAttribute("role", "status"); // a screen reader says the verdict

  function set(name, value) {
    model.set(name, value);
    tell(model);
  }

  return () => {
    const mine = model.get("choice");
    const open = mine !== null && model.get("unfolded");
    choices.forEach(({ row, input, verdict, why }, i) => {
      const choice = data.choices[i];
      input.checked = i === mine;
      row.dataset.verdict = open ? choice.verdict : "";
      say(verdict, open ? choice.verdict + (i === mine ? data.yours : "") : "");
      say(why, open ? choice.why : "");
    });
    fields.disabled = open;
    button.disabled = mine === null;
    say(button, open ? "Answer again" : "I have seen it");
    const hint = data.hints[mine === null ? 0 : 1];
    return {
      title: data.text,
      facts: open ? `${data.choices[mine].verdict}: ${data.choices[mine].text}` : hint,
      note: model.get("note"),
    };
  };
});
