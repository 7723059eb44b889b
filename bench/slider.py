"""From a slider's event to the painted picture, in a real JupyterLab: ours and interact's.

Both pictures show 18 bars of one distribution over 49,152 tokens, in one notebook. All times are
taken inside the page:

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

from .rows import REPOSITORY, Row, ratio

KEYS = 44
MOVES = 60
CELLS = [
    """
import torch
from mygpt_helpers import DistributionWidget
logits = 2 * torch.randn(49_152, generator=torch.Generator().manual_seed(0))
logits[:18] += torch.linspace(12, 8, 18)
DistributionWidget(logits, str, num_bars=18, title="ours")
""",
    """
%matplotlib inline
import matplotlib.pyplot as plt
from ipywidgets import FloatSlider, interact
shown = logits.topk(18).indices
def picture(temperature):
    probs = (logits / temperature).softmax(dim=-1)
    figure, axes = plt.subplots(figsize=(7, 5))
    axes.barh([str(int(i)) for i in shown], probs[shown].numpy())
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    plt.show()
interact(picture, temperature=FloatSlider(value=1.0, min=0.05, max=3.0, step=0.05));
""",
]
# window.probe.changed() resolves with the milliseconds from the last key to its painted picture.
PROBE = """peer => {
  const root = peer ? document.querySelector('.widget-interact, .jupyter-widgets.widget-interact')
                    : document.querySelector('.mygpt-distribution');
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
    } }).observe(root, peer ? { childList: true, subtree: true }
                            : { attributes: true, subtree: true, attributeFilter: ['style'] });
  probe.changed = () => new Promise(resolve => { painted = resolve; });
  window.probe = probe; }"""


def slider() -> list[Row]:
    """Measure both pictures, one after the other in the same page."""
    sys.path.insert(0, str(REPOSITORY / "tests" / "browser"))
    from lab import Notebook, launch, running_lab, write_notebook
    from playwright.sync_api import sync_playwright

    figures = {}
    with running_lab() as (url, root), sync_playwright() as playwright:
        browser = launch(playwright)
        write_notebook(Path(root) / "slider.ipynb", CELLS)
        for peer in (False, True):
            notebook = Notebook(browser, url, "slider.ipynb")
            notebook.run_all()
            figures[peer] = _measure(notebook, peer)
            notebook.close()
        browser.close()
    (ours, our_frames), (peers, peer_frames) = figures[False], figures[True]
    p95 = [quantiles(times, n=20)[-1] for times in (ours, peers)]
    mid = [median(ours), median(peers)]
    name = "(peer: interact with matplotlib)"
    return [
        Row(
            f"slider event to painted frame, median of {KEYS} keys {name}",
            f"{mid[0]:.1f} ms",
            f"{mid[1]:.1f} ms",
            ratio(*mid),
            "<= 20 ms",
            mid[0] <= 20,
        ),
        Row("the same, 95th percentile", f"{p95[0]:.1f} ms", f"{p95[1]:.1f} ms", ratio(*p95)),
        Row(
            f"frames in a one-second drag of {MOVES} moves {name}",
            str(our_frames),
            str(peer_frames),
            ratio(our_frames, peer_frames),
            ">= 50",
            our_frames >= 50,
        ),
    ]


def _measure(notebook: object, peer: bool) -> tuple[list[float], int]:
    page = notebook.page
    handle = page.locator(".noUi-handle" if peer else "input[data-knob=temperature]").first
    handle.wait_for()
    track = page.locator(".noUi-target" if peer else "input[data-knob=temperature]").first
    page.wait_for_timeout(1500)  # until the first picture is there and the page is at rest
    page.evaluate(PROBE, peer)
    track.scroll_into_view_if_needed()
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
    return times[4:], frames  # the first few warm up
