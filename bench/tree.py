"""From a click on a node to its branches on the page, in a real JupyterLab, by the real model.

All times are taken inside the page, from the click itself: to the first frame that says "waiting",
and to the frame in which three branches are painted.
"""

from __future__ import annotations

import sys
from pathlib import Path
from statistics import median

from .rows import REPOSITORY, Row

CLICKS = 12
# As lesson 07 has it.
SET_UP = """
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
from mygpt_helpers import TreeWidget, beam_search, lesson_checkpoint, prompt_inputs
checkpoint = lesson_checkpoint()
tokenizer = AutoTokenizer.from_pretrained(checkpoint)
model = AutoModelForCausalLM.from_pretrained(checkpoint, dtype=torch.float32).requires_grad_(False)
roses = prompt_inputs(tokenizer, "Roses are red,", model)["input_ids"]  # (1, T)
def grow(ids):  # (1, T)
    top = model(ids).logits[0, -1].log_softmax(dim=-1).topk(3)
    return top.indices, top.values
TreeWidget(beam_search(model, roses, 5, 2), tokenizer.decode, grow)
"""
# Click the first node that nothing goes on from; return the milliseconds to sign and branches.
CLICK = """async () => {
  const part = document.querySelector('.mygpt-live');
  const keys = [...part.querySelectorAll('[data-key]')].map(tile => tile.dataset.key);
  const leaf = keys.find(key => !keys.some(other => other.startsWith(key + ',')));
  const painted = condition => new Promise(resolve => {
    const look = () => condition()
      ? requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - start)))
      : requestAnimationFrame(look);
    look(); });
  const children = () => part.querySelectorAll(`[data-key^="${leaf},"]`).length;
  const start = performance.now();
  part.querySelector(`[data-key="${leaf}"]`).click();
  const sign = painted(() => part.textContent.includes('waiting…') || children());
  const end = painted(() => children() === 3);
  return [await sign, await end]; }"""


def tree() -> list[Row]:
    """Measure 12 clicks; the first one warms up."""
    sys.path.insert(0, str(REPOSITORY / "tests" / "browser"))
    from lab import Notebook, launch, running_lab, write_notebook
    from playwright.sync_api import sync_playwright

    with running_lab() as (url, root), sync_playwright() as playwright:
        write_notebook(Path(root) / "tree.ipynb", [SET_UP])
        notebook = Notebook(launch(playwright), url, "tree.ipynb")
        notebook.run_all()
        notebook.widgets().first.wait_for()
        notebook.page.wait_for_timeout(1500)  # until the page is at rest
        times = [notebook.page.evaluate(CLICK) for _ in range(CLICKS + 1)][1:]
        notebook.close()
    signs, ends = zip(*times, strict=True)
    return [
        Row(
            f"a chosen node: {name}",
            f"{median(all_of_it):.0f} ms, at most {max(all_of_it):.0f}",
            target=f"<= {most} ms",
            ok=max(all_of_it) <= most,
        )
        for name, all_of_it, most in (("a sign of life", signs, 100), ("3 branches", ends, 1000))
    ]
