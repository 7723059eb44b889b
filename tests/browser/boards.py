"""The notebook that holds all live pictures of these tests, opened once.

CASES: one picture of each kind, plain, and with texts that a page must show as plain text. A new
kind of picture needs one more entry, and no more code. The others are there for what only they do.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from textwrap import dedent

from cases import LOGITS
from lab import Notebook, write_notebook
from pages import IN_KERNEL

SET_UP = """
import math, random, sys, time, torch
from types import SimpleNamespace
sys.path.append({folder!r})
from cases import ALL_KNOBS, HOSTILE, LOGITS, previous_ids
from mygpt_helpers import *
from tests.examples.widget import SureWidget
MAIN = next(iter(LOGITS))
W = ["I", "love", "some", "beer"]
made = {{}}
def show(name, widget):
    made[name] = widget
    return widget

def summary(logits, title, **knobs):
    return summarize(logits, next_token_probs(logits, **knobs), str, num_bars=5, title=title)
def grid(i, rows=W, columns=W, **about):
    values = torch.linspace(-i, 1, len(rows) * len(columns)).reshape(len(rows), len(columns))
    return make_grid(values, rows, columns, title=f"after {{i}} steps", **about)
def ranked_step(name, ids=None):
    logits, ids = LOGITS[name], previous_ids(name) if ids is None else ids
    probs = logits.float().softmax(-1)
    return Step(ids, logits, probs, probs > 0, int(probs.argmax()), None)
def strip(tokens, good, title="T", facts="loss 0.1"):
    right = tuple(None if i < 2 else i < good for i in range(len(tokens)))
    return Strip(title, tuple(tokens), right, facts=facts)
def question(text, *choices):
    made = [Choice(c, f"Why: {{c}}", right=i == 1) for i, c in enumerate(choices)]
    return Question("77.x", text, made)
def small_walk(V=4, T=4, embed_dim=8):
    torch.manual_seed(0)
    model = GPT(V, embed_dim, num_heads=2, num_layers=2)
    return walk(model, torch.arange(T)[None] % V)
def whole(texts):
    return "".join(text[:60] for text in texts).encode(errors="replace").decode()
kept = []
def keep(choice):
    kept.append(choice)
    return ["no room"] if choice == 2 else []

def drawn_from(probs):
    probs = torch.as_tensor(probs)
    return Step(torch.tensor([0]), probs.log(), probs, probs > 0, 0, None)
def step_of(logits):
    probs = logits.float().softmax(-1)
    return Step(torch.tensor([0]), logits, probs, probs > 0, 0, None)
class Toy(torch.nn.Module):
    # Scores that hang on the last id alone, over as many tokens as there are labels.
    def __init__(self, V):
        super().__init__()
        self.scores = 2 * torch.randn(V, V, generator=torch.Generator().manual_seed(V))
    def forward(self, ids):
        return self.scores[ids], None
def toy_trace(V, n, prompt=(0, 1, 2), **knobs):
    return trace(Toy(V), torch.tensor([prompt]), n, generator=random.Random(1), **knobs)

# The learner's own functions of a stream and of a call; they wait for `wait`.
wait, runs = 0.0, []
def words(prompt, stop):
    if not prompt.split():
        raise ValueError("the prompt is empty.")
    for word in prompt.split():
        if stop.is_set():
            return
        yield word + " "
        time.sleep(wait)
    return "All words are there."
def called(temperature=1.0, top_k=0):
    runs.append(temperature)
    time.sleep(wait)
    if temperature == 0:
        raise ValueError("a first line\\n<b>not</b> zero")
    if top_k == 40:
        import warnings
        warnings.warn("$x$ is 40")
    return f"{{temperature}}, {{top_k}}"

def grown_by(model):
    def grow(ids):
        time.sleep(pause)
        top = model(ids)[0][0, -1].log_softmax(-1).topk(3)
        return top.indices, top.values
    return grow
pause = 0.0
def attention_of(prompt):
    time.sleep(pause)
    tokens = prompt.split()
    for token in tokens:
        if token not in W:
            raise ValueError(f"no such token: {{token!r}}; use {{', '.join(W)}}")
    T = len(tokens)
    scores = torch.arange(2 * 3 * T * T).reshape(2, 3, T, T) % 7 / 2
    return tokens, scores.masked_fill(torch.ones(T, T).triu(1).bool(), -math.inf).softmax(-1)

def encoded(text):
    time.sleep(pause)
    return [int(i) for i in text.split()]
def named(names):
    return SimpleNamespace(
        encode=lambda text: [0, 1, 2], decode=lambda ids: "".join(names[i] for i in ids),
        vocab_size=len(names))
numbers = SimpleNamespace(
    encode=encoded, decode=lambda ids: " ".join(map(str, ids)), vocab_size=40)

def squared(logits, temperature):
    return torch.softmax(logits / temperature**2, dim=-1)
def moody(logits, temperature):
    if temperature > 1.5:
        raise RuntimeError("<b>too hot</b> $x$")
    return torch.softmax(logits / temperature, dim=-1)
def slow(logits, temperature):
    time.sleep(pause)
    return torch.softmax(logits / temperature, dim=-1)
"""
CASES = {
    "distribution": """DistributionWidget(
        LOGITS[MAIN], str, knobs=ALL_KNOBS, top_k=40, temperature=0.333,
        previous_ids=previous_ids(MAIN), title="T")""",
    "distribution, own": """DistributionWidget(
        LOGITS["tied"], str, num_bars=4, knobs=("temperature", "top_k"),
        probs_function=lambda logits, **knobs: next_token_probs(logits, **knobs))""",
    "distribution, one": "DistributionWidget(torch.tensor([-4.0]), ['only'])",
    "distribution, hostile": """DistributionWidget(
        torch.arange(13) * -0.5, HOSTILE, num_bars=20, title=HOSTILE[1])""",
    "steps": """StepsWidget(
        [summary(LOGITS["tied"] * i, f"step {i}", top_k=k) for i, k in ((0, 300), (1, 7), (2, 2))],
        label="position", start=1)""",
    "steps, hostile": """StepsWidget(
        [summarize(torch.arange(13.0), torch.full((13,), 1 / 13), HOSTILE.__getitem__, num_bars=n,
        title=HOSTILE[n - 10]) for n in (11, 12, 13)], label=HOSTILE[2])""",
    "grids": """GridsWidget(
        [grid(i, facts=f"loss {i}") for i in range(6)],
        {"half": ["left", "right"], "step": ["1", "5", "50"]}, start=[0, 1])""",
    "grids, large": """GridsWidget(
        [grid(i, [*map(str, range(20))], [*map(str, range(30))]) for i in (0, 3)],
        {"step": ["0", "3"]})""",
    "grids, hostile": """GridsWidget(
        [grid(1, HOSTILE, HOSTILE, facts=HOSTILE[2], row_label=HOSTILE[0])],
        {HOSTILE[2]: [HOSTILE[0]]})""",
    "attention": """AttentionWidget(
        attention_of, prompt="I love some", num_layers=2, num_heads=3)""",
    "attention, hostile": """AttentionWidget(
        lambda prompt: (HOSTILE, torch.eye(13).expand(1, 2, 13, 13)),
        prompt=HOSTILE[2], num_layers=1, num_heads=2)""",
    "hand": """HandAttentionWidget(
        ["cat", "milk", "it"], [(1, 0), (0, 1), (0, 0)])""",
    "hand, values": """HandAttentionWidget(
        W * 2, torch.linspace(-2, 2, 16).reshape(8, 2), query=(-0.5, 4),
        values=torch.arange(16).reshape(8, 2) % 5 - 2)""",
    "hand, hostile": """HandAttentionWidget(
        HOSTILE[:8], [(100, -100)] * 2 + [(0.125, -1e-9)] * 6, values=[(-99.99, 100)] * 8,
        query=(0, 0.25))""",
    "strips": "StripsWidget([strip(W * 5, 8), strip(W * 10, 16)], ['8', '16'], start=1)",
    "strips, hostile": """StripsWidget(
        [strip(HOSTILE, 4, HOSTILE[1], HOSTILE[2])], [HOSTILE[0]],
        label=HOSTILE[4], length_label=HOSTILE[5])""",
    "rules": "RulesWidget(ranked_step(MAIN), str, title='T')",
    "rules, float16": "RulesWidget(ranked_step('float16'), str, num_rows=40)",
    "rules, hostile": """RulesWidget(
        Step(torch.arange(3), torch.arange(13) * -0.5, None, None, 0, None), HOSTILE,
        num_rows=20, title=HOSTILE[1])""",
    "order": "OrderWidget(ranked_step(MAIN), str, values=(2, 0.5))",
    "order, cuts": "OrderWidget(ranked_step('tied'), str, first='top_k', second='top_p')",
    "order, hostile": """OrderWidget(
        Step(torch.arange(3), torch.arange(13) * -0.5, None, None, 0, None), HOSTILE,
        second="top_k", num_rows=20, title=HOSTILE[2])""",
    "question": """QuestionWidget(
        question("What is next?", "beer", "some", "love", "I"), choice=0, keep=keep)""",
    "question, hostile": """QuestionWidget(
        question(HOSTILE[1], *HOSTILE[2:5], HOSTILE[9]), choice=1, note=HOSTILE[0])""",
    "side by side": """SideBySideWidget(
        [step_of(LOGITS[MAIN]), step_of(LOGITS["wide and flat"])], str, knobs=ALL_KNOBS,
        titles=["peaked", "flat"], top_k=40)""",
    "side by side, own": """SideBySideWidget(
        [step_of(LOGITS["tied"]), step_of(LOGITS["tied"] / 2)], str, num_bars=4,
        probs_function=lambda logits, **knobs: next_token_probs(logits, **knobs))""",
    "side by side, hostile": """SideBySideWidget(
        [step_of(torch.arange(13) * -0.5)] * 3, HOSTILE, num_bars=20, titles=HOSTILE[1:4])""",
    "trace": """TraceWidget(
        toy_trace(60, 25, temperature=0.9, top_k=12), str, start=2, title="T")""",
    "trace, hostile": """TraceWidget(
        toy_trace(13, 9, [*range(13)]), HOSTILE, num_rows=13, title=HOSTILE[1])""",
    "likelihood": "LikelihoodWidget(toy_trace(60, 12), str, title='T')",
    "likelihood, hostile": """LikelihoodWidget(
        toy_trace(13, 9, [*range(13)]), HOSTILE, num_alternatives=12, title=HOSTILE[1])""",
    "tree": """TreeWidget(
        beam_search(Toy(40), torch.tensor([[0, 1]]), 4, 2), str, grown_by(Toy(40)), title="T")""",
    "tree, hostile": """TreeWidget(
        beam_search(Toy(13), torch.tensor([[0, 1, 2]]), 7, 3), HOSTILE, grown_by(Toy(13)),
        title=HOSTILE[1])""",
    "strategies": """StrategiesWidget(
        strategies(Toy(40), torch.tensor([[0, 1]]), 9, seeds=[3, 9]), str, title="T")""",
    "strategies, hostile": """StrategiesWidget(strategies(Toy(13), torch.tensor([[0, 1]]), 30,
        {HOSTILE[1]: {"top_k": 1}, HOSTILE[2]: {}}, seeds=[0, 1]),
        lambda ids: "".join(HOSTILE[i] for i in ids), title=HOSTILE[1])""",
    "sure": "SureWidget()",
    "stream": "StreamWidget(words, prompt='I love some beer')",
    "stream, hostile": "StreamWidget(lambda prompt, stop: iter(HOSTILE), prompt=HOSTILE[1])",
    "call": """CallWidget(
        called, {"temperature": [0.0, 0.7], "top_k": [1, 40]}, start={"temperature": 0.7})""",
    "call, hostile": """CallWidget(
        lambda **k: "".join(HOSTILE), {HOSTILE[2]: HOSTILE, HOSTILE[0]: [1]},
        code=HOSTILE[1] + "()", start={HOSTILE[2]: HOSTILE[1]})""",
    "draw": "DrawWidget(drawn_from([0.5, 0.3, 0.15, 0.05]), W, draws=100, title='T')",
    "draw, many": "DrawWidget(drawn_from(LOGITS[MAIN].softmax(-1)), str, seed=3, draws=20)",
    "draw, hostile": """DrawWidget(
        drawn_from(torch.linspace(0.5, 1, 13) / 9.75), HOSTILE, num_bars=11, title=HOSTILE[1])""",
    "streak": "StreakWidget()",
    "streak, hostile": "StreakWidget(p=0.512345, n=999)",
    "walk": "WalkWidget(small_walk(), W, part=3, vocab=W)",
    "walk, opened": "WalkWidget(small_walk(10, 8, 16), W * 2, part=3, position=2, opened=True)",
    "walk, hostile": """WalkWidget(
        small_walk(13, 8)[-3:] + [Part(HOSTILE[1], HOSTILE[0], torch.tensor([[math.nan, 9e4, -0.0]]
        * 8), {HOSTILE[2] + ": weights": torch.eye(8), HOSTILE[7]: torch.full((8, 1), -math.inf)})],
        HOSTILE[:8], vocab=HOSTILE, part=3, opened=True)""",
    "merges": """MergesWidget(
        BPETokenizer.train("the cat sat on the mat, the rat on the hat", 270),
        "the fat cat sat on the mat; naïve\\n 😊", merges=3, title="T")""",
    "merges, hostile": """MergesWidget(
        BPETokenizer.train(3 * whole(HOSTILE), 600), 2 * whole(HOSTILE), merges=5,
        title=HOSTILE[1])""",
    "cache calculator": "CacheCalculatorWidget()",
    "cache calculator, hostile": """CacheCalculatorWidget(
        1, 1, 9, bits_per_number=5, length=3, batch_size=7)""",
    "cache": """CacheWidget(
        W * 3, 5, num_layers=30, num_kv_heads=3, head_dim=64, step=4, layer=12, keep=7,
        title="T")""",
    "cache, hostile": """CacheWidget(
        HOSTILE, 12, num_layers=1, num_kv_heads=1, head_dim=3, bits_per_number=4,
        title=HOSTILE[1])""",
    "playground": """PlaygroundWidget(
        Toy(40), numbers, prompt="0 1", max_new_tokens=12, temperature=0.7, seed=3)""",
    "playground, hostile": """PlaygroundWidget(
        Toy(13), named(HOSTILE), prompt=HOSTILE[1], max_new_tokens=9, num_alternatives=12)""",
    "lens": """LensWidget(
        torch.stack([LOGITS["tied"].roll(i)[None].repeat(4, 1) * i for i in range(8)]),
        torch.tensor([[3, 1, 2, 9]]), str, layer=3, title="T")""",
    "lens, hostile": """LensWidget(
        torch.linspace(-2, 2, 5 * 13 * 13).sin().reshape(5, 13, 13) * 9,
        torch.arange(13)[None], HOSTILE, num_bars=12, title=HOSTILE[1])""",
    "loss": "LossWidget(200, levels={'log 4 <b>': 1.386})",
    "loss, hostile": "LossWidget(9, levels={HOSTILE[1]: 1.4}, title=HOSTILE[2])",
}
OTHERS = {
    **{
        f"rule: {name}": f"""DistributionWidget(
        LOGITS[{name!r}], str, knobs=ALL_KNOBS, previous_ids=previous_ids({name!r}))"""
        for name in LOGITS
    },
    "draw, zeros": "DrawWidget(drawn_from([0, 0.25, 0, 0.25, 0.4995, 0]), str, num_bars=2)",
    **{
        f"beside: {name}": f"""SideBySideWidget(
        [step_of(LOGITS[{name!r}]), step_of(LOGITS[{name!r}] / 3)], str, num_bars=6)"""
        for name in LOGITS
    },
    "twice": "DistributionWidget(LOGITS[MAIN], str, num_bars=6)\ndisplay(made['twice'])",
    "question, new": "QuestionWidget(question('What is next?', 'beer', 'some'))",
    "squared": "DistributionWidget(LOGITS[MAIN], str, num_bars=6, probs_function=squared)",
    "moody": "DistributionWidget(LOGITS[MAIN], str, num_bars=6, probs_function=moody)",
    "slow": "DistributionWidget(LOGITS[MAIN], str, num_bars=6, probs_function=slow)",
    "broken": "DistributionWidget(LOGITS[MAIN], str, probs_function=lambda z, temperature: None)",
    "still": "show_grid([[0.5, 0.25]], ['row'], ['a', HOSTILE[2]])",
    "signed": """GridsWidget([make_grid([
        [math.nan, -math.inf, math.inf], [-0.001, 0.125, 0.375], [-0.125, 2, -2]],
        list("abc"), list("def"))], {})""",
    "probs": """GridsWidget([make_grid(torch.linspace(0, 1, 100).reshape(10, 10), [
        *map(str, range(10))], [*map(str, range(10))])], {})""",
}
# It waits for `go`, until a test starts it.
BUSY = """
if "go" in dir():
    until = time.time() + 2
    while time.time() < until:
        pass
"""


class Board:
    """The notebook, and where each picture is in it."""

    def __init__(self, notebook: Notebook) -> None:
        self.notebook, self.page = notebook, notebook.page
        self.cells = {name: 1 + i for i, name in enumerate(CASES | OTHERS)}
        self.busy_cell = 1 + len(self.cells)

    def cell(self, name):
        return self.page.locator(".jp-Notebook .jp-CodeCell").nth(self.cells[name])

    def part(self, name, view=0):
        """Return a picture's page."""
        return self.cell(name).locator(".mygpt-live").nth(view)

    def slider(self, name, knob="temperature", view=0):
        return self.part(name, view).locator(f'input[data-knob="{knob}"]')


@cache
def board_of(lab, browser):
    """Return the one board; lab: address and root folder."""
    url, root = lab
    cells = [SET_UP.format(folder=str(Path(__file__).parent)) + IN_KERNEL]
    for name, source in (CASES | OTHERS).items():
        first, *more = dedent(source).split("\ndisplay")
        lines = [f"show({name!r}, {first})", *(f"display{line}" for line in more)]
        cells.append("\n".join([*lines, f"made[{name!r}]"]))
    write_notebook(root / "board.ipynb", [*cells, BUSY])
    notebook = Notebook(browser, url, "board.ipynb")
    notebook.run_all()
    notebook.in_kernel("go = True")
    board = Board(notebook)
    board.part([*OTHERS][-1]).wait_for()
    assert notebook.errors == []
    return board
