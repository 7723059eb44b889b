"""From a slider's event to the painted picture, in a real JupyterLab: ours and interact's.

Ours are one for each live picture of a distribution; interact shows 18 bars of one over 49,152
tokens. All times are taken inside the page:

- It begins with the key's own time stamp (`event.timeStamp`), which the browser takes when the
  key goes down, before any code runs.
- A MutationObserver sees the picture change. Ours changes within an animation frame; interact puts
  a new <img> into the output, which counts once it is decoded and the next frame has begun.
- It ends with the first task after that frame: a message that the frame sends to itself arrives
  when the frame has been painted.

For a drag, 60 mouse moves are sent within one second, and the frames are counted in which the
picture was another one (interact: the images that were loaded).
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from statistics import median, quantiles

from playwright.sync_api import Locator, Page

from .rows import REPOSITORY, Row, ratio

KEYS = 44
MOVES = 60
FRAME = 16.7  # milliseconds, at 60 frames a second
SET_UP = """
import random, torch
from mygpt_helpers import *
class Fixed(torch.nn.Module):
    def __init__(self, V, scale):
        super().__init__()
        logits = 2 * torch.randn(V, generator=torch.Generator().manual_seed(0))
        logits[:18] += torch.linspace(12, 8, 18) * scale
        self.register_buffer("logits", logits)
    def forward(self, ids):
        return self.logits.expand(*ids.shape, -1), None
def steps(n=1, V=49_152, scale=1.0):
    rng = random.Random(0)
    return trace(Fixed(V, scale), torch.tensor([[5, 6, 7]]), n, 0.8, generator=rng)
step = steps()[0]
"""
KNOBS = ("temperature", "top_k", "top_p", "min_p", "repetition_penalty")
# What is shown, the sliders that are moved, and the most milliseconds to the painted frame.
PICTURES = {
    "one knob": ("DistributionWidget(step.logits, str, num_bars=18)", KNOBS[:1], FRAME),
    "five knobs, 151,936 tokens": (
        f"""big = steps(V=151_936)[0]
DistributionWidget(big.logits, str, knobs={KNOBS}, previous_ids=big.ids, top_p=0.9)""",
        KNOBS,
        25.0,
    ),
    "the loop": ("TraceWidget(steps(100), str)", ("step",), FRAME),
    "the draw": ("DrawWidget(step, str)", ("u", "draws"), FRAME),
    "small doubts": ("StreakWidget()", ("p", "n"), FRAME),
    "top-k on two": ("SideBySideWidget([step, *steps(scale=0.3)], str)", KNOBS[:2], FRAME),
    "the rules": ("RulesWidget(step, str)", KNOBS, FRAME),
    "the order": ("OrderWidget(step, str)", ("temperature", "top_p"), FRAME),
}
PEER = """
%matplotlib inline
import matplotlib.pyplot as plt
from ipywidgets import FloatSlider, interact
shown = step.logits.topk(18).indices
def picture(temperature):
    probs = (step.logits / temperature).softmax(dim=-1)
    figure, axes = plt.subplots(figsize=(7, 5))
    axes.barh([str(int(i)) for i in shown], probs[shown].numpy())
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    plt.show()
interact(picture, temperature=FloatSlider(value=1.0, min=0.05, max=3.0, step=0.05));
"""
# window.probe.changed() resolves with the milliseconds from the last key to its painted picture.
PROBE = """(handle, peer) => {
  const root = handle.closest(peer ? '.widget-interact' : '.mygpt-live');
  const channel = new MessageChannel();
  const probe = { frames: new Set(), images: 0, root };
  let pressed = 0, painted = null;
  window.addEventListener('keydown', event => { pressed = event.timeStamp; }, true);
  channel.port1.onmessage = () => {
    if (!pressed || !painted) return;
    painted(performance.now() - pressed);
    pressed = 0;
    painted = null; };
  const done = () => channel.port2.postMessage(null);
  new MutationObserver(changes => {
    if (!peer) { probe.frames.add(document.timeline.currentTime); done(); return; }
    for (const change of changes) for (const node of change.addedNodes) {
      const image = node.tagName === 'IMG' ? node : node.querySelector?.('img');
      if (image) image.decode().then(() => requestAnimationFrame(() => {
        probe.images += 1; probe.frames.add(document.timeline.currentTime); done(); }));
    } }).observe(root, { attributes: true, childList: true, characterData: true, subtree: true });
  probe.changed = () => new Promise(resolve => { painted = resolve; });
  window.probe = probe; }"""


def slider() -> list[Row]:
    """Measure each picture in a notebook of its own, and the peer."""
    sys.path.insert(0, str(REPOSITORY / "tests" / "browser"))
    from lab import Notebook, launch, running_lab, write_notebook
    from playwright.sync_api import sync_playwright

    rows, found = [], {}
    with running_lab() as (url, root), sync_playwright() as playwright:
        browser = launch(playwright)
        for name, (code, knobs, _) in {**PICTURES, "peer": (PEER, [""], 0)}.items():
            write_notebook(Path(root) / "slider.ipynb", [SET_UP, code])
            notebook = Notebook(browser, url, "slider.ipynb")
            notebook.run_all()
            notebook.page.wait_for_timeout(1500)  # until the page is at rest
            found[name] = [_measure_knob(notebook.page, knob) for knob in knobs]
            notebook.close()
        browser.close()
    for name, (_, knobs, most) in PICTURES.items():
        for part, what, target in (
            (0, "key to painted frame, median", most),
            (1, "the same, 95th percentile", round(1.5 * most)),
        ):
            mine, knob = max((f[part], k) for f, k in zip(found[name], knobs, strict=True))
            its = found["peer"][0][part]
            numbers = (f"{mine:.1f} ms", f"{its:.1f} ms", ratio(mine, its))
            where = f" ({knob}, the slowest)" if len(knobs) > 1 else ""
            target_text = f"<= {target:.3g} ms"
            rows.append(Row(f"{name}: {what}{where}", *numbers, target_text, mine <= target))
        mine, its = min(f[2] for f in found[name]), found["peer"][0][2]
        what = f"{name}: frames in a one-second drag of {MOVES} moves"
        numbers = (str(mine), str(its), ratio(mine, its))
        rows.append(Row(what, *numbers, f">= {MOVES - 2}", mine >= MOVES - 2))
    return rows


def _measure_knob(page: Page, knob: str) -> tuple[float, float, int]:
    """Measure the slider of an attribute in a notebook; knob: "" for the peer."""
    ours = page.locator(f'input[data-knob="{knob}"]').first
    if knob:
        return measure(page, ours, ours)
    peer = page.locator(".noUi-handle").first
    peer.wait_for()
    return measure(page, peer, page.locator(".noUi-target").first, peer=True)


def measure(
    page: Page, handle: Locator, track: Locator, *, peer: bool = False
) -> tuple[float, float, int]:
    """Return median and 95th percentile of a key, in ms, and the frames of a drag."""
    handle.wait_for()
    track.scroll_into_view_if_needed()
    if not peer:
        track.click()  # in the middle, where both keys lead somewhere
    handle.evaluate(PROBE, peer)
    handle.focus()
    times = []
    for i in range(KEYS + 4):
        changed = page.evaluate_handle("() => ({ promise: window.probe.changed() })")
        page.keyboard.press("ArrowLeft" if i % 8 < 4 else "ArrowRight")
        times.append(changed.evaluate("({ promise }) => promise"))
        page.wait_for_timeout(30)

    box = track.bounding_box()
    y = box["y"] + box["height"] / 2
    # There and back, so that every move reaches another stop of the slider.
    places = [0.1 + 0.8 * (1 - abs(1 - i / (MOVES / 2))) for i in range(MOVES + 1)]
    start_at = handle.bounding_box()
    if peer:
        page.mouse.move(
            start_at["x"] + start_at["width"] / 2, start_at["y"] + start_at["height"] / 2
        )
    else:
        page.mouse.move(box["x"] + places[0] * box["width"], y)
    page.mouse.down()
    page.wait_for_timeout(500)
    page.evaluate("() => window.probe.frames.clear()")
    begin = time.perf_counter()
    for i, place in enumerate(places[1:]):
        page.mouse.move(box["x"] + place * box["width"], y)
        time.sleep(max(0.0, begin + (i + 1) / MOVES - time.perf_counter()))
    frames = page.evaluate("() => window.probe.frames.size")
    page.mouse.up()
    times = times[4:]  # the first few warm up
    return median(times), quantiles(times, n=20)[-1], frames
