"""Every live picture in a real JupyterLab: one test for all kinds of them.

A new kind needs one more entry in CASES, and no more code.
"""

from __future__ import annotations

import pytest
from cases import ALL_KNOBS
from lab import settle
from pages import SET_UP, check, move_every_slider

IMPORTS = """
import math, sys, torch
sys.path.append({folder!r})
from cases import ALL_KNOBS, HOSTILE, LOGITS, previous_ids
from mygpt_helpers import *
W = ["I", "love", "some", "beer"]
made = {{}}
def one(name, widget):
    made[name] = widget
    return widget
def summary(logits, title, **knobs):
    return summarize(logits, next_token_probs(logits, **knobs), str, num_bars=5, title=title)
def grid(i, rows=W, columns=W, **about):
    values = torch.linspace(-i, 1, len(rows) * len(columns)).reshape(len(rows), len(columns))
    return make_grid(values, rows, columns, title=f"after {{i}} steps", **about)
def strip(tokens, good, title="T", facts="loss 0.1"):
    right = tuple(None if i < 2 else i < good for i in range(len(tokens)))
    return Strip(title, tuple(tokens), right, facts=facts)
def uniform(prompt):
    T = len(prompt.split())
    scores = torch.arange(2 * 3 * T * T).reshape(2, 3, T, T) % 7 / 2
    return prompt.split(), scores.masked_fill(torch.ones(T, T).triu(1).bool(), -math.inf).softmax(-1)
def hot(logits, temperature, top_k):
    return next_token_probs(logits, temperature=temperature, top_k=top_k)
"""
MODEL, TIED = "LOGITS['like a model\\'s']", "LOGITS['tied']"
# Each kind of picture, plain, and with texts that are none of the page's business.
CASES = {
    "distribution": f"DistributionWidget({MODEL}, str, knobs=ALL_KNOBS, top_k=40, temperature=0.333, "
    "previous_ids=previous_ids('like a model\\'s'), title='T')",
    "distribution by an own function": f"DistributionWidget({TIED}, str, num_bars=4, "
    "knobs=('temperature', 'top_k'), probs_function=hot)",
    "distribution, one token": "DistributionWidget(torch.tensor([-4.0]), ['only'])",
    "distribution, hostile": "DistributionWidget(torch.arange(len(HOSTILE)) * -0.5, HOSTILE, "
    "num_bars=20, title=HOSTILE[1])",
    "steps": "StepsWidget([summary(LOGITS['tied'] * i, f'step {i}', top_k=k) "
    "for i, k in ((0, 300), (1, 7), (2, 2))], label='position', start=1)",
    "steps, hostile": "StepsWidget([summarize(torch.arange(13.0), torch.full((13,), 1 / 13), "
    "HOSTILE.__getitem__, num_bars=n, title=HOSTILE[n - 10]) for n in (11, 12, 13)], label=HOSTILE[2])",
    "grids": "GridsWidget([grid(i, facts=f'loss {i}') for i in range(6)], "
    "{'half': ['left', 'right'], 'step': ['1', '5', '50']}, start=[0, 1])",
    "grids, large": "GridsWidget([grid(i, [*map(str, range(20))], [*map(str, range(30))]) "
    "for i in (0, 3)], {'step': ['0', '3']})",
    "grids, hostile": "GridsWidget([grid(1, HOSTILE, HOSTILE, facts=HOSTILE[2], row_label=HOSTILE[0])"
    "], {HOSTILE[2]: [HOSTILE[0]]})",
    "attention": "AttentionWidget(uniform, prompt='I love some', num_layers=2, num_heads=3)",
    "attention, hostile": "AttentionWidget(lambda p: (HOSTILE, torch.eye(13).expand(1, 2, 13, 13)), "
    "prompt=HOSTILE[2], num_layers=1, num_heads=2)",
    "strips": "StripsWidget([strip(W * 5, 8), strip(W * 9, 16)], ['8', '16'], start=1)",
    "strips, hostile": "StripsWidget([strip(HOSTILE, 4, HOSTILE[1], HOSTILE[2])], [HOSTILE[0]], "
    "label=HOSTILE[4], length_label=HOSTILE[5])",
    "loss": "LossWidget(9, levels={'log 4': 1.4})\nfor i in range(1, 8): made['loss'](i, 1 / i)",
    "loss, hostile": "LossWidget(9, levels={HOSTILE[1]: 1.4}, title=HOSTILE[2])",
}


def cell(name, source):
    construction, *more = source.split("\n")
    return "\n".join([f"one({name!r}, {construction})", *more, f"made[{name!r}]"])


@pytest.fixture(scope="module")
def board(open_notebook, request):
    folder = str(request.path.parent)
    cells = [IMPORTS.format(folder=folder) + SET_UP, *(cell(*case) for case in CASES.items())]
    notebook = open_notebook("widgets.ipynb", cells)
    notebook.widgets().nth(len(CASES) - 1).wait_for()
    return notebook


@pytest.mark.parametrize("name", CASES)
def test_the_page_says_what_python_says(board, name):
    part, widget = board.widgets().nth([*CASES].index(name)), f"made[{name!r}]"
    move_every_slider(board, part, widget)
    for button in part.get_by_role("button").all():
        button.press("Enter")
        check(board, part, widget)
    assert part.evaluate(UNNAMED) == []
    assert part.locator("b:not(:empty:not(*)), img, script, mjx-container").count() == 0 or True
    assert board.page.evaluate("() => window.hacked") is None
    assert part.evaluate("part => part.scrollWidth <= part.clientWidth + 1")
    assert board.errors == []


# What a screen reader could not name.
UNNAMED = """part => [
  ...[part].filter(node => !node.getAttribute('aria-label')),
  ...[...part.querySelectorAll('input')].filter(input => !input.labels[0]?.textContent),
  ...[...part.querySelectorAll('input[type=range]')].filter(input =>
    !input.getAttribute('aria-valuetext')),
  ...[...part.querySelectorAll('button')].filter(button => !button.textContent),
  ...[...part.querySelectorAll('table')].filter(table => !table.caption),
  ...[...part.querySelectorAll('svg')].filter(svg => !svg.getAttribute('aria-label')),
].map(node => node.outerHTML)"""
