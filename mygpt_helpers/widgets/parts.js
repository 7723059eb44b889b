// What every live picture is made of: elements, controls, and the frame that holds them. base.py puts
// it in front of the picture's own files.

const WAIT_MS = 150; // a shorter wait is not worth a word
const STUCK_MS = 5000;
const STUCK = "Still waiting for Python. If your function never returns: Kernel > Interrupt, "
  + "and if that does not help, Kernel > Restart.";
const GONE = "The Python that made this picture has ended: run this cell again.";
const SVG = "http://www.w3.org/2000/svg";
const OUR_KEYS = { "data-lm-suppress-shortcuts": "true" }; // or JupyterLab takes arrows and Enter

/** Add an element: of HTML, or of SVG inside an svg. */
function make(parent, tag, attributes = {}, text = "") {
  const node = document.createElementNS(tag === "svg" ? SVG : parent.namespaceURI, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.textContent = text; // token text is data: it never becomes markup
  parent.append(node);
  return node;
}

/** Change a text only where it differs, so that what stays the same costs nothing. */
function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

const commas = (n) => n.toLocaleString("en-US");

/** The numbers behind a view on bytes; copied, since they may not start where the type needs it. */
function numbersIn(view, ArrayType) {
  return new ArrayType(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength));
}

/** Add the row of a control: its label and its input. */
function makeInput(panel, name, attributes, tag = "input") {
  const row = make(panel, "div", { class: "knob" });
  const id = `mygpt-${Math.random().toString(36).slice(2)}`;
  make(row, "label", { for: id }, name);
  return make(row, tag, { id, ...OUR_KEYS, ...attributes });
}

/** Add a text box of several lines. */
function makeTextBox(panel, name, attributes) {
  const box = { dir: "auto", autocomplete: "off", spellcheck: "false", ...attributes };
  return makeInput(panel, name, box, "textarea");
}

/** Add a text box for one line: Enter ends it. */
function makeLineBox(panel, name, onEnter) {
  const box = makeTextBox(panel, name, { rows: 1 });
  box.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing) return;
    event.preventDefault();
    onEnter();
  });
  return box;
}

function makeButton(parent, name, onClick) {
  const button = make(parent, "button", { type: "button", ...OUR_KEYS }, name);
  button.addEventListener("click", onClick);
  return button;
}

/** Add a table; its caption is for a screen reader, since the eye has the title. */
function makeTable(parent, kind) {
  const table = make(parent, "table", { class: kind });
  return ["caption", "thead", "tbody"].map((part) => make(table, part));
}

/** What colours mean: [class of the key, its text] for each. */
function makeLegend(parent, keys) {
  const legend = make(parent, "p", { class: "legend" });
  for (const [kind, text] of keys)
    make(make(legend, "span"), "span", { class: `key ${kind}`, "aria-hidden": "true" }).after(text);
  return legend;
}

/** What a numeric slider says: whole numbers as 1,500, others with two digits or more. */
function numberText(value, stops, most) {
  const least = most ?? ([...stops, value].every(Number.isInteger) ? 0 : 2);
  const digits = { minimumFractionDigits: least, maximumFractionDigits: most ?? 10 };
  return value.toLocaleString("en-US", digits);
}

/** Add a slider, as Slider in base.py describes it; the function returned follows the model. */
function makeSlider(panel, model, { name, trait, item, stops, texts, spoken, digits, off }) {
  const knob = item === null ? trait : name;
  const input = makeInput(panel, name, { type: "range", min: 0, step: 1, "data-knob": knob });
  // Not live: a screen reader says aria-valuetext already.
  const output = make(input.parentElement, "output", { for: input.id, "aria-live": "off" });
  const last = stops.at(-1); // a number beyond it would be rounded up to what u never is
  const now = () => (item === null ? model.get(trait) : model.get(trait)[item]);
  let shown;
  input.addEventListener("input", () => {
    const value = stops[input.valueAsNumber];
    model.set(trait, item === null ? value : model.get(trait).with(item, value));
  });
  input.addEventListener("change", () => tell(model)); // once a drag
  return function follow() {
    if (now() === shown) return;
    shown = now();
    // One that was set from Python, between two stops, becomes a stop.
    if (!stops.includes(shown)) stops = [...stops, shown].sort((a, b) => a - b);
    const place = stops.indexOf(shown);
    input.max = stops.length - 1;
    input.valueAsNumber = place;
    const text = texts[place] ?? numberText(Math.min(shown, last), stops, digits) + (shown === off[0] ? off[1] : "");
    input.setAttribute("aria-valuetext", spoken[place] ?? text);
    say(output, text);
  };
}

/** All models of the page, where its manager tells. */
const modelsBeside = (model) => [...(model.widget_manager?._modelsSync?.values() ?? [])];

/** What is known of a picture, on its layout: that is one object to every module of the page. */
function lifeOf(model) {
  const layout = Object(model.get("layout")); // not every page has one
  return (layout.mygptLife ??= { gone: false, views: 0 });
}

/**
 * JupyterLab saves the pictures that it takes for live: none that it read from a file, and none of a
 * kernel that was started anew. Ours move all the same, and are to be there the next time, too; but
 * not when the cell has run again, and shows others.
 */
function setKept(model, kept) {
  const layout = model.get("layout");
  lifeOf(model).gone = true;
  lifeOf(model).left = !kept;
  for (const part of [modelsBeside(model).find((one) => one.get("layout") === layout), layout])
    if (part && part.comm_live !== kept) part.comm_live = kept;
}

function initialize({ model }) {
  const layout = model.get("layout");
  if (!model.widget_manager?._modelsSync) return; // another page than JupyterLab's
  const isOurs = (one) => one.get("layout") === layout;
  /** Those that another run of the same cell shows. */
  function others() {
    const [cell, run] = model.get("_shown_in");
    const isOther = ([itsCell, itsRun] = []) => cell && itsCell === cell && itsRun !== run;
    return modelsBeside(model).filter((one) => isOther(one.get("_shown_in")));
  }
  const isLive = (one) => one.comm_live && !lifeOf(one).gone;
  function watch() {
    const all = [layout, ...modelsBeside(model).filter(isOurs)];
    if (all.every((part) => part.comm_live) || lifeOf(model).left) return;
    setKept(model, !others().some(isLive));
  }
  function takeOver() {
    if (!lifeOf(model).gone) for (const one of others()) if (lifeOf(one).gone) setKept(one, false);
  }
  for (const part of [model, layout]) part.on("comm_live_update", watch);
  model.on("change:_shown_in", takeOver);
  watch();
  takeOver();
}

/** Send what was set to Python, if there is one. */
function tell(model) {
  if (!lifeOf(model).gone) model.save_changes();
}

/**
 * Make a live picture. build(view) is called once for each view and fills its body; the function
 * that it returns paints, and returns the texts { title, facts, note } that stand around the body;
 * waits, too, where it knows how far Python has come.
 * It is called now and after each change of the model: however many arrive, once a frame.
 */
function livePicture(kind, build) {
  function render({ model, el }) {
    const label = { role: "group", "aria-label": model.get("_label") };
    const root = make(el, "div", { class: `mygpt-live mygpt-${kind}`, ...label });
    const panel = make(root, "div", { class: "knobs" });
    const follow = model.get("_sliders").map((slider) => makeSlider(panel, model, slider));
    const title = make(root, "div", { class: "title", "aria-hidden": "true" });
    const body = make(root, "div");
    const shrink = makeEnlarge(root, panel);
    const facts = make(root, "p", { class: "facts" });
    const note = make(root, "p", { class: "note", role: "status" });
    const draw = build({ model, data: model.get("_data"), panel, title, body, facts });
    const life = lifeOf(model);
    let frame, timer, waitsSince;
    life.views++;
    if (life.left) setKept(model, true);

    /** Python is late while its answer is for another question than the attributes ask now. */
    function saidByPython({ question = {}, error = "" }, waits) {
      clearTimeout(timer);
      const late = Object.entries(question).some(([name, value]) => model.get(name) !== value);
      if (late && life.gone) return GONE;
      waitsSince = late ? (waitsSince ?? performance.now()) : undefined;
      const waited = late ? performance.now() - waitsSince : 0;
      root.classList.toggle("waiting", waited >= WAIT_MS);
      if (!late) return error;
      tell(model); // ipywidgets keeps one message on its way; of the others the last wins
      timer = setTimeout(schedule, waited < WAIT_MS ? WAIT_MS : STUCK_MS);
      if (waited < WAIT_MS) return error;
      return waits || (waited >= STUCK_MS ? STUCK : "Waiting for Python…");
    }

    function paint() {
      frame = undefined;
      for (const knob of follow) knob();
      const said = draw();
      say(title, said.title);
      say(facts, said.facts);
      say(note, saidByPython(model.get("_answer"), said.waits) || (said.note ?? ""));
    }

    function schedule() {
      frame ??= requestAnimationFrame(paint);
    }

    const news = ["change", "comm_live_update"]; // of the second kind: Python has ended
    for (const kind of news) model.on(kind, schedule);
    paint();
    return () => {
      for (const kind of news) model.off(kind, schedule);
      cancelAnimationFrame(frame);
      clearTimeout(timer);
      shrink();
      if (--life.views === 0 && life.gone) setKept(model, false);
    };
  }
  return { initialize, render };
}

