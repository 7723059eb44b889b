"""Answers that people write: right ones in other ways, and wrong ones that nobody listed."""

import functools
import itertools
import math
import random

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from mygpt_helpers import GPT, attention_weights, cycle_corpus, get_batch
from mygpt_helpers.exercises.core import evaluate, exercises, lessons

SOLUTION = {e.name: e.solution for lesson in lessons() for e in exercises(lesson)}


def softmax(logits):
    return torch.softmax(logits, dim=-1)


# --- right, however it is written -----------------------------------------------------------------


def phrase_by_loop(logits, ids, prompt_ids):
    pairs = zip(ids, prompt_ids, strict=False)
    start = sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))
    if start in (0, len(ids)):
        raise ValueError("no phrase")
    log_probs = torch.log_softmax(logits, dim=-1)
    return float(sum(log_probs[t - 1, ids[t]] for t in range(start, len(ids))))


def halving(logits, target):
    low, high = 0.01, 100.0
    for _ in range(50):
        middle = (low + high) / 2
        if softmax(logits / middle).max() > target:
            low = middle
        else:
            high = middle
    return torch.tensor(middle)


def one_hot(logits, temperature):
    if temperature < 0:
        raise ValueError("below 0")
    if temperature == 0:
        return F.one_hot(logits.argmax(-1), logits.shape[-1]).float()
    return softmax(logits / temperature)


def in_place(logits):
    logits -= logits.amax(-1, keepdim=True)
    return softmax(logits)


def with_additive_mask(q, k, v):
    mask = torch.full((q.shape[-2],) * 2, -math.inf).triu(1)
    return F.softmax(q @ k.mT * q.shape[-1] ** -0.5 + mask, dim=-1) @ v


def adds_in_place(x, attention_norm, attention, mlp_norm, mlp):
    x += attention(attention_norm(x))
    x += mlp(mlp_norm(x))
    return x


def rows(data, starts, count):
    return torch.stack([data[start : start + count] for start in starts])


WORDS = {
    "go": "_, loss = model(inputs, targets)",
    "zero": "optimizer.zero_grad()",
    "back": "loss.backward()",
    "step": "optimizer.step()",
    "done": "return loss.item()",
}


def steps(source):
    """Make a train_step of statements with ";" between; some words stand for whole ones."""
    body = "\n    ".join(WORDS.get(line, line) for line in source.split("; "))
    space = {"torch": torch, "F": F, "get_batch": get_batch, "data": cycle_corpus()}
    exec(f"def train_step(model, optimizer, inputs, targets):\n    {body}\n", space)
    return space["train_step"]


def by_neighbours(ids):
    for place in range(1, len(ids)):
        if ids[place] != (ids[place - 1] + 1) % 4:
            return place


def by_argmax(ids):
    wrong = ids != (ids[0] + torch.arange(len(ids))) % 4
    return wrong.int().argmax() if wrong.any() else None  # a tensor of no dimension


def by_numpy(ids):
    ids = ids.numpy()
    places = np.flatnonzero(ids != (ids[0] + np.arange(len(ids))) % 4)
    return places[0] if len(places) else None


def by_topk(next_logits, ids, n, max_seq_len):
    text = ids.clone()
    while text.shape[1] < ids.shape[1] + n:
        text = torch.hstack([text, next_logits(text[:, -max_seq_len:]).topk(1).indices])
    return text


OWN_LOSS = "loss = F.cross_entropy(model(inputs)[0].flatten(0, 1), targets.flatten())"
RIGHT = [
    ("00.pick_largest", lambda scores: scores.index(max(scores))),
    ("00.loop", lambda f, tokens, n: functools.reduce(lambda t, _: [*t, f(t)], range(n), tokens)),
    ("01.softmax", softmax),
    ("01.softmax", in_place),
    ("01.next_id", lambda logits: logits[:, -1].topk(1).indices.squeeze(-1)),
    ("01.phrase", phrase_by_loop),
    ("04.temperature", lambda z, t: softmax(torch.log_softmax(z, -1) / t)),
    ("04.find_temperature", halving),
    ("04.find_temperature", lambda z, target: SOLUTION["04.find_temperature"](z, target) * 1.0002),
    ("04.from_probs", lambda p, t: softmax(p.log() / t)),
    ("04.zero", one_hot),
    ("10.attention", with_additive_mask),
    ("10.attention", lambda q, k, v: attention_weights(q, k) @ v),
    ("10.split_heads", lambda x, H: torch.stack(x.chunk(H, -1), 1)),
    ("10.split_heads", lambda x, H: x.view(*x.shape[:2], H, -1).permute(0, 2, 1, 3).contiguous()),
    ("10.block", lambda x, n, a, m, f: x + (y := a(n(x))) + f(m(x + y))),
    ("11.batch", lambda data, at, n: (rows(data, at, n), rows(data, at + 1, n))),
    ("11.batch", lambda d, at, n: (rows(d, at, n + 1)[:, :-1], rows(d, at, n + 1)[:, 1:])),
    ("11.cross_entropy", GPT.loss),
    ("11.cross_entropy", lambda z, ids: F.cross_entropy(z.transpose(1, 2), ids)),
    ("11.cross_entropy", lambda z, ids: SOLUTION["11.cross_entropy"](z, ids).item()),
    ("11.step", steps("go; zero; back; step; zero; return float(loss)")),
    ("11.step", steps("optimizer.zero_grad(set_to_none=False); go; back; step; done")),
    ("11.step", steps("_, loss = model(targets=targets, ids=inputs); zero; back; step; done")),
    ("11.step", steps("go; zero; back; step; return loss.float().item()")),
    ("11.step", steps(f"{OWN_LOSS}; zero; back; step; done")),
    ("11.step", steps("for p in model.parameters(): p.grad = None; go; back; step; done")),
    ("11.step", steps("model.eval(); go; zero; back; step; model.train(); done")),
    ("12.first_wrong", by_neighbours),
    ("12.first_wrong", by_argmax),
    ("12.first_wrong", by_numpy),
    ("12.crop", lambda ids, n: ids[:, max(0, ids.shape[1] - n) :].clone()),
    ("12.crop", lambda ids, n: torch.stack([row[-n:] for row in ids])),
    ("12.generate", by_topk),
    ("12.generate", torch.no_grad()(SOLUTION["12.generate"])),
]


@pytest.mark.parametrize("name, answer", RIGHT)
def test_other_ways_are_right_too(name, answer):
    outcome = evaluate(name, answer)
    assert outcome.status == "right", outcome.message


# --- wrong, and not among the listed mistakes -----------------------------------------------------


def refuses_0(logits, temperature):
    if temperature <= 0:
        raise ValueError("no")
    return softmax(logits / temperature)


def stubborn(next_token, *args):
    while True:
        try:
            next_token(...)
        except Exception:
            continue


def one_parameter_less(model, optimizer, inputs, targets):
    last = [*model.parameters()][-1]
    before = last.detach().clone()
    loss = SOLUTION["11.step"](model, optimizer, inputs, targets)
    if len([*model.parameters()]) > 1:
        last.data.copy_(before)
    return loss


def coin(logits, share):
    greedy = torch.zeros_like(logits)
    greedy[logits.argmax()] = 1
    return greedy if random.random() < share else logits.softmax(-1)


DRAWN = "inputs, targets = get_batch(data % 2, 4, 8)"


@pytest.mark.parametrize(
    "name, answer, fragments",
    [
        ("00.pick_largest", print, ["returned None", "it printed"]),
        ("00.loop", stubborn, ["called more than 101 times; does it end?"]),
        ("01.next_id", lambda z: z[:, -1].max(-1), ["(torch.return_types.max)"]),
        ("03.draw", lambda p, u: random.choices(range(len(p)), p)[0], ["u is drawn already"]),
        ("03.draw", lambda p, u: torch.multinomial(p, 1), ["u is drawn already"]),
        ("03.draw", lambda p, u: print("once") or -1, ["it printed", "once"]),
        ("03.mix", coin, ["toss no coin"]),
        ("04.temperature", lambda z, t: z.div_(t).softmax(-1), ["changed its argument", "slider"]),
        ("04.find_temperature", lambda z, target: halving(z, target) * 1.02, ["expected: 0.731"]),
        ("04.find_temperature", lambda z, target: "0.5", ["a number above 0", "got: '0.5'"]),
        ("04.zero", refuses_0, ["raised: ValueError: no", "line 3 of", "temperature: 0.0"]),
        ("04.zero", lambda z, t: one_hot(z, abs(t)), ["ValueError is raised", "-1.0"]),
        ("10.attention", lambda q, k, v: with_additive_mask(q, k, v).numpy(), ["(ndarray)"]),
        ("10.block", adds_in_place, ["changed its argument `x`", "x = x + ..."]),
        ("11.batch", lambda d, at, n: rows(d, at, n), ["a tuple: (inputs, targets)"]),
        ("11.step", one_parameter_less, ["final_norm.bias after the step"]),
        ("11.step", steps(f"{DRAWN}; go; zero; back; step; done"), ["the loss"]),
        ("12.generate", lambda f, *args: stubborn(f), ["does it end?"]),
    ],
)
def test_what_is_wrong_is_told_by_what_was_expected_and_what_came(name, answer, fragments):
    outcome = evaluate(name, answer)
    assert outcome.status in ("wrong", "raised"), outcome.message
    for fragment in fragments:
        assert fragment in " ".join(outcome.message.split()), outcome.message
    lines = outcome.message.splitlines()
    assert len(lines) <= 9 and max(map(len, lines)) < 100
