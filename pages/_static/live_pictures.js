// Live pictures without Python. A picture's module draws from a model; here a stand-in takes the model's
// place, with the state that the lesson's run has left. Until then, and whatever goes wrong, the still stays.

const NEEDS_PYTHON = "This needs Python: open the lesson in JupyterLab.";
const NEAR = "800px"; // how far below or above the window a picture is made

/** Put the bytes, which JSON cannot say, where they belong. */
function withBytes(live) {
  for (const [path, text] of live.buffers) {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const holder = path.slice(0, -1).reduce((part, name) => part[name], live);
    holder[path.at(-1)] = new DataView(bytes.buffer);
  }
  return live;
}

/** What a picture's module asks of its model. Python's answers were given before, or it says so. */
function standIn({ state, answers }) {
  const listeners = new Map();
  const emit = (event) => { for (const listener of [...(listeners.get(event) ?? [])]) listener(); };
  const each = (events, act) => { for (const event of events.split(" ")) act(event); };
  const asks = Object.keys(state._answer.question ?? {});
  const first = state._answer;
  const isFor = ({ question }) => asks.every((name) => question[name] === state[name]);

  function answer() {
    const question = Object.fromEntries(asks.map((name) => [name, state[name]]));
    return [first, ...answers].find(isFor) ?? { ...first, error: NEEDS_PYTHON, question };
  }

  const model = {
    get: (name) => state[name],
    set(name, value) {
      const values = typeof name === "string" ? { [name]: value } : name;
      const changed = Object.keys(values).filter((one) => state[one] !== values[one]);
      if (!changed.length) return;
      Object.assign(state, values);
      if (changed.some((one) => asks.includes(one))) {
        state._answer = answer();
        changed.push("_answer");
      }
      for (const one of changed) emit(`change:${one}`);
      emit("change");
    },
    on(events, listener) {
      each(events, (event) => listeners.set(event, (listeners.get(event) ?? new Set()).add(listener)));
    },
    off(events, listener) {
      each(events, (event) => listeners.get(event)?.delete(listener));
    },
    save_changes() {}, // nobody hears of it
  };
  return model;
}

async function makeLive(place) {
  const { live, module, integrity } = place.dataset;
  const [response, { default: picture }] = await Promise.all([
    fetch(live, { integrity }), // damaged on its way or on the disk: no state at all
    import(new URL(module, document.baseURI)),
  ]);
  const model = standIn(withBytes(await response.json()));
  const el = document.createElement("div");
  picture.initialize({ model });
  picture.render({ model, el });
  place.replaceChildren(el);
}

const soon = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting) continue;
    soon.unobserve(target);
    makeLive(target).catch((error) => console.warn("a picture stays still:", error));
  }
}, { rootMargin: NEAR });
for (const place of document.querySelectorAll(".live-picture")) soon.observe(place);

/** What is larger than its place can be scrolled by keyboard, too. */
const wide = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    const { scrollWidth, clientWidth, scrollHeight, clientHeight } = target;
    if (scrollWidth > clientWidth || scrollHeight > clientHeight) target.tabIndex = 0;
    else target.removeAttribute("tabindex");
  }
});
for (const part of document.querySelectorAll("pre, .math-wrapper, .table-wrapper, .text_html, .wide")) wide.observe(part);

/** On a narrow window the list of headings covers the page that a heading was chosen from. */
document.querySelector(".toc-drawer").addEventListener("click", ({ target }) => {
  if (target.closest("a")) document.querySelector("#__toc").checked = false;
});

/** Live pictures know dark and light by what JupyterLab writes on its page. */
const prefersDark = matchMedia("(prefers-color-scheme: dark)");
function followTheme() {
  const { theme } = document.body.dataset;
  const isDark = theme === "dark" || (theme !== "light" && prefersDark.matches);
  document.body.dataset.jpThemeLight = String(!isDark);
}
new MutationObserver(followTheme).observe(document.body, { attributeFilter: ["data-theme"] });
prefersDark.addEventListener("change", followTheme);
followTheme();
