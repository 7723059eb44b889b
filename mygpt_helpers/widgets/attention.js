// The weights of attention for a prompt that the learner types. Python computes all layers and heads
// when the prompt changes; the sliders between them answer here.

const TYPING_MS = 500; // a pause this long ends a word
const WAIT_MS = 150; // a shorter wait is not worth a word
const STUCK_MS = 5000;
const STUCK = "Still waiting for Python. If your function never returns: Kernel > Interrupt, "
  + "and if that does not help, Kernel > Restart.";

function render({ model, el }) {
  const root = make(el, "div", {
    class: "mygpt-live mygpt-attention", role: "group", "aria-label": "attention",
  });
  const panel = make(root, "div", { class: "knobs" });
  const row = make(panel, "div", { class: "knob" });
  const id = `mygpt-prompt-${Math.random().toString(36).slice(2)}`;
  make(row, "label", { for: id }, "prompt");
  const box = make(row, "input", {
    type: "text", id, "data-knob": "prompt", dir: "auto", autocomplete: "off", spellcheck: "false",
    "data-lm-suppress-shortcuts": "true", // or JupyterLab takes the keys
  });
  box.value = model.get("prompt");
  const follow = Object.entries(model.get("_counts")).map(([knob, count]) => {
    const texts = Array.from({ length: count }, (_, i) => String(i));
    const set = (place) => model.set(knob, place);
    return makeKnob(panel, model, knob, texts, { get: () => model.get(knob), set });
  });
  const picture = make(root, "div");
  const showGrid = makeHeat(picture);
  const note = make(root, "p", { class: "note", role: "status" });

  let typing;
  let waits = [];
  let asked = model.get("prompt");
  let since = 0;

  function ask() {
    clearTimeout(typing);
    const prompt = box.value.toWellFormed?.() ?? box.value; // half an emoji is no text
    if (prompt === asked) return;
    asked = prompt;
    model.set("prompt", prompt);
    model.save_changes();
  }

  function tellWait(answer) {
    const late = answer.prompt !== model.get("prompt");
    if (late && !since) {
      since = performance.now();
      waits = [WAIT_MS, STUCK_MS].map((ms) => setTimeout(paint, ms));
    }
    if (!late) stopWaiting();
    const waited = late ? performance.now() - since : 0;
    root.classList.toggle("waiting", waited >= WAIT_MS);
    if (waited >= STUCK_MS) say(note, STUCK);
    else say(note, waited >= WAIT_MS ? "Waiting for Python…" : late ? "" : answer.error);
  }

  function stopWaiting() {
    waits.forEach(clearTimeout);
    since = 0;
  }

  function paint() {
    if (model.get("prompt") !== asked) box.value = asked = model.get("prompt"); // set from Python
    for (const knob of follow) knob();
    const answer = model.get("_answer");
    picture.hidden = !answer.weights;
    if (answer.weights) showGrid(gridOf(answer), model.get("_scale"));
    tellWait(answer);
  }

  function gridOf({ labels, weights }) {
    const [layer, head] = [model.get("layer"), model.get("head")];
    const size = labels.length ** 2;
    const at = (layer * model.get("_counts").head + head) * size;
    return {
      values: numbersIn(weights, Float32Array).subarray(at, at + size),
      rows: labels, columns: labels, row_label: "from", column_label: "looks at",
      title: `layer ${layer}, head ${head}`, facts: "",
    };
  }

  box.addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(ask, TYPING_MS);
  });
  box.addEventListener("change", ask); // Enter, or the box is left
  const stop = paintOnChange(model, paint);
  return () => {
    stop();
    clearTimeout(typing);
    stopWaiting();
  };
}

export default { render };
