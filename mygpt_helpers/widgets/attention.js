// The weights of attention for a prompt that the learner types. Python computes all layers and heads
// when the prompt changes; the sliders between them answer here.

const TYPING_MS = 500; // a pause this long ends a word

export default livePicture("attention", ({ model, data, panel, body }) => {
  const box = makeLineBox(panel, "prompt", ask);
  panel.prepend(box.parentElement);
  const show = makeHeat(body, data.scale);
  let asked, typing;

  function ask() {
    clearTimeout(typing);
    const prompt = box.value.toWellFormed?.() ?? box.value; // half an emoji is no text
    if (prompt === asked) return;
    asked = prompt;
    model.set("prompt", prompt);
    tell(model);
  }

  box.addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(ask, TYPING_MS);
  });
  box.addEventListener("change", ask); // the box is left

  return () => {
    if (model.get("prompt") !== asked) box.value = asked = model.get("prompt"); // set from Python
    const { labels, weights } = model.get("_answer"); // weights: (L, H, T, T)
    body.hidden = !weights;
    if (!weights) return { title: "", facts: "" };
    const [layer, head] = [model.get("layer"), model.get("head")];
    const size = labels.length ** 2;
    const at = (layer * data.num_heads + head) * size;
    return show({
      values: numbersIn(weights, Float32Array).subarray(at, at + size),
      rows: labels, columns: labels, row_label: "from", column_label: "looks at",
      title: `layer ${layer}, head ${head}`, facts: "",
    });
  };
});
