"""The exercises of lesson 10: other right ways, and what is said about common slips."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from mygpt_helpers import GPT, attention_weights, count_parameters
from mygpt_helpers.exercises import evaluate, exercises

SOLUTION = {exercise.name: exercise.solution for exercise in exercises("10")}


def status(name, answer):
    return evaluate(name, answer).status


# --- the solutions against torch and the package ------------------------------------------------


@pytest.mark.parametrize("shape", [(3, 4), (2, 5, 3), (2, 3, 4, 6)])
def test_attention_is_torchs_own(shape):
    q, k, v = torch.randn(3, *shape, generator=torch.Generator().manual_seed(0))
    want = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    assert torch.allclose(SOLUTION["10.attention"](q, k, v), want, atol=1e-5)


def test_split_heads_is_the_packages_own():
    x = torch.randn(2, 5, 12, generator=torch.Generator().manual_seed(0))
    attention = GPT(4, 12, 3, 1).blocks[0].attention
    assert torch.equal(SOLUTION["10.split_heads"](x, 3), attention.split(x))


@pytest.mark.parametrize(
    "sizes", [(4, 8, 2, 2, 64), (4, 8, 8, 2, 64), (11, 6, 3, 5, 7), (2, 1, 1, 1, 1)]
)
def test_the_count_is_the_packages_own(sizes):
    assert SOLUTION["10.count"](*sizes) == count_parameters(GPT(*sizes))


# --- other right ways ---------------------------------------------------------------------------


def with_additive_mask(q, k, v):
    T = q.shape[-2]
    mask = torch.full((T, T), -math.inf).triu(1)
    return F.softmax(q @ k.mT * q.shape[-1] ** -0.5 + mask, dim=-1) @ v


def row_by_row(q, k, v):
    rows = []
    for i in range(q.shape[-2]):
        scores = (q[..., i : i + 1, :] @ k[..., : i + 1, :].mT) / math.sqrt(q.shape[-1])
        rows.append(scores.softmax(-1) @ v[..., : i + 1, :])
    return torch.cat(rows, dim=-2)


def in_numpy(q, k, v):
    return with_additive_mask(q, k, v).numpy()


RIGHT = [
    ("10.attention", with_additive_mask),
    ("10.attention", row_by_row),
    ("10.split_heads", lambda x, H: torch.stack(x.chunk(H, -1), 1)),
    ("10.split_heads", lambda x, H: x.unflatten(-1, (H, -1)).transpose(1, 2)),
    ("10.split_heads", lambda x, H: x.view(*x.shape[:2], H, -1).permute(0, 2, 1, 3).contiguous()),
    ("10.count", lambda V, C, H, L, T: np.int64(C * (V + T + 2 + L * (12 * C + 9)))),
]


@pytest.mark.parametrize("name, answer", RIGHT)
def test_other_ways_are_right_too(name, answer):
    outcome = evaluate(name, answer)
    assert outcome.status == "right", outcome.message


# --- slips --------------------------------------------------------------------------------------


def later(T, diagonal=1):
    return torch.ones(T, T, dtype=torch.bool).triu(diagonal)


def weigh(change=None, mask=later, value=-math.inf, scale=lambda D, T: D**0.5, dim=-1):
    """Make an answer to 10.attention that may go wrong in several ways."""

    def attend(q, k, v):
        T, D = q.shape[-2:]
        scores = (q @ k.mT / scale(D, T)).masked_fill(mask(T), value)
        return scores.softmax(dim) @ v if change is None else change(scores, v)

    return attend


def flat_transpose(q, k, v):
    scores = q @ k.permute(1, 0) / math.sqrt(q.shape[-1])
    return scores.masked_fill(later(q.shape[-2]), -math.inf).softmax(-1) @ v


def in_place(q, k, v):
    q /= math.sqrt(q.shape[-1])
    return (q @ k.mT).masked_fill(later(q.shape[-2]), -math.inf).softmax(-1) @ v


def torchs_own(q, k, v):
    return F.scaled_dot_product_attention(q, k, v, is_causal=True)


def mask_lost(q, k, v):
    scores = q @ k.mT / math.sqrt(q.shape[-1])
    scores.masked_fill(later(q.shape[-2]), -math.inf)
    return scores.softmax(-1) @ v


def mask_late(q, k, v):
    weights = (q @ k.mT / math.sqrt(q.shape[-1])).softmax(-1)
    return weights.masked_fill(later(q.shape[-2]), 0) @ v


def mask_late_and_again(q, k, v):
    weights = (q @ k.mT / math.sqrt(q.shape[-1])).softmax(-1).tril()
    return weights / weights.sum(-1, keepdim=True) @ v


def sized(T_at, D_at=-1):
    """Make an answer that takes T and D from these places of the shape."""

    def attend(q, k, v):
        scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[D_at])
        return scores.masked_fill(later(q.shape[T_at]), -math.inf).softmax(-1) @ v

    return attend


def swapped(*dims):
    """Make an answer that turns k by swapping these two dimensions."""

    def attend(q, k, v):
        scores = q @ k.transpose(*dims) / math.sqrt(q.shape[-1])
        return scores.masked_fill(later(q.shape[-2]), -math.inf).softmax(-1) @ v

    return attend


def filled_with_nan(q, k, v):
    scores = (q @ k.mT / math.sqrt(q.shape[-1])).masked_fill(later(q.shape[-2]), math.nan)
    return scores.softmax(-1) @ v


def zero_times_inf(q, k, v):
    mask = torch.ones(q.shape[-2], q.shape[-2]).triu(1) * -math.inf
    return (q @ k.mT / math.sqrt(q.shape[-1]) + mask).softmax(-1) @ v


def inf_after_softmax(q, k, v):
    weights = (q @ k.mT / math.sqrt(q.shape[-1])).softmax(-1)
    return weights.masked_fill(later(q.shape[-2]), -math.inf) @ v


def two_sizes(q, k, v):
    _T, _D = q.shape
    return with_additive_mask(q, k, v)


def three_sizes(q, k, v):
    _B, _T, _D = q.shape
    return with_additive_mask(q, k, v)


def without_keepdim(q, k, v):
    scores = (q @ k.mT / math.sqrt(q.shape[-1])).masked_fill(later(q.shape[-2]), -math.inf)
    powers = (scores - scores.amax(-1, keepdim=True)).exp()
    return (powers.mT / powers.sum(-1)).mT @ v  # right for (T, D)


def cut_to(shape):
    """Make an answer to 10.split_heads; shape: gives what x is cut to, from B, T, C and H."""
    return lambda x, H: x.view(shape(*x.shape, H)).transpose(1, 2)


def by_exp(scores, v):
    powers = scores.exp()
    return powers / powers.sum(-1, keepdim=True) @ v


def unlike(*extra):
    """Make an answer to 10.count that adds something for a part."""

    def count(V, C, H, L, T):
        right = (V + T) * C + L * (12 * C * C + 9 * C) + 2 * C
        sizes = {"V": V, "C": C, "H": H, "L": L, "T": T}
        return right + sum(eval(text, sizes) for text in extra)

    return count


@pytest.mark.parametrize(
    "name, answer, fragment",
    [
        ("10.attention", weigh(mask=lambda T: later(T, 0)), "triu(diagonal=1)"),
        ("10.attention", weigh(mask=lambda T: later(T).T), "other triangle"),
        ("10.attention", weigh(mask=lambda T: ~later(T)), "upside down"),
        ("10.attention", weigh(value=0.0), "use -math.inf"),
        ("10.attention", weigh(scale=lambda D, T: D), "not by D"),
        ("10.attention", weigh(scale=lambda D, T: T**0.5), "q.shape[-1]"),
        ("10.attention", weigh(scale=lambda D, T: D**-0.5), "do not multiply"),
        ("10.attention", weigh(dim=-2), "each row sums to 1"),
        ("10.attention", weigh(lambda scores, v: scores), "Those are the scores"),
        ("10.attention", weigh(by_exp), "exp overflows"),
        ("10.attention", torchs_own, "torch's own attention function"),
        ("10.attention", weigh(mask=lambda T: later(T, 2)), "one place too late"),
        ("10.attention", mask_lost, "keep what it returns"),
        ("10.attention", mask_late, "do not sum to 1"),
        ("10.attention", mask_late_and_again, "0/0"),
        ("10.attention", weigh(mask=lambda T: later(6)), "fixed at 6 x 6"),
        ("10.attention", sized(0), "T is q.shape[-2]"),
        ("10.attention", sized(1), "T is q.shape[-2]"),
        ("10.attention", sized(-2, 0), "q.shape[-1]"),
        ("10.attention", sized(-2, 1), "q.shape[-1]"),
        ("10.attention", two_sizes, "q.shape[-2:]"),
        ("10.attention", three_sizes, "q.shape[-2:]"),
        ("10.attention", without_keepdim, "keepdim=True"),
        ("10.attention", lambda q, k, v: with_additive_mask(k, q, v), "swapped"),
        ("10.attention", lambda q, k, v: with_additive_mask(q, k, k), "not @ k"),
        ("10.attention", lambda q, k, v: with_additive_mask(q, k, q), "not @ q"),
        ("10.attention", lambda q, k, v: with_additive_mask(q, k.mT, v), "has to be turned"),
        ("10.attention", weigh(value=math.inf), "+inf wins"),
        ("10.attention", weigh(scale=lambda D, T: 8**0.5), "sqrt(8) is fixed"),
        ("10.attention", flat_transpose, "k.transpose(-2, -1)"),
        ("10.attention", in_place, "changed its argument `q`"),
        ("10.attention", in_numpy, "not a tensor"),
        ("10.attention", lambda q, k, v: with_additive_mask(q, k, v).tolist(), "own list"),
        ("10.attention", lambda q, k, v: v, "values are not right"),
        ("10.attention", lambda q, k, v: attention_weights(q, k) @ v, "the package's own"),
        ("10.attention", weigh(lambda scores, v: v @ scores.softmax(-1)), "weights @ v"),
        ("10.attention", weigh(lambda scores, v: scores.softmax(-1) * v), "entry by entry"),
        ("10.attention", swapped(0, 1), "swap the last two only"),
        ("10.attention", swapped(1, 2), "Count from the end"),
        ("10.attention", filled_with_nan, "only hides cells"),
        ("10.attention", weigh(value=-1.0), "A finite number"),
        ("10.attention", weigh(value=-100.0), "A finite number"),
        ("10.attention", zero_times_inf, "0 * inf is nan"),
        ("10.attention", inf_after_softmax, "Mask before softmax"),
        ("10.attention", weigh(mask=lambda T: torch.ones(T, T).triu(1)), "dtype=torch.bool"),
        ("10.split_heads", lambda x, H: x.chunk(H, -1), "torch.stack(pieces, dim=1)"),
        ("10.split_heads", lambda x, H: list(x.split(x.shape[-1] // H, -1)), "torch.stack(pieces"),
        ("10.split_heads", lambda x, H: x.tolist(), "own list or tuple"),
        ("10.split_heads", lambda x, H: x, "still whole"),
        ("10.split_heads", lambda x, H: torch.stack(x.chunk(H, -1)), "The texts come first"),
        ("10.split_heads", lambda x, H: torch.stack(x.chunk(H, -1)[::-1], 1), "Head 0 comes first"),
        (
            "10.split_heads",
            lambda x, H: x.transpose(1, 2).reshape(len(x), H, x.shape[1], -1),
            "Entries and positions are mixed",
        ),
        (
            "10.split_heads",
            lambda x, H: torch.stack(x.chunk(H, -1), 1).transpose(-2, -1),
            "wrong way round",
        ),
        ("10.split_heads", lambda x, H: torch.stack(x.chunk(H, -1), 1).long(), "dtype"),
        ("10.split_heads", lambda x, H: torch.stack(x.mul_(2).chunk(H, -1), 1) / 2, "its argument"),
        ("10.split_heads", cut_to(lambda B, T, C, H: (B, T, H, C / H)), "C // num_heads"),
        ("10.split_heads", cut_to(lambda B, T, C, H: (B, T, 2, 4)), "follow the arguments"),
        ("10.split_heads", cut_to(lambda B, T, C, H: (B, T, 2, C // 2)), "H is num_heads"),
        ("10.split_heads", cut_to(lambda B, T, C, H: (B, T, C // H, H)), "H pieces of D"),
        ("10.split_heads", lambda x, H: torch.stack(x.split(H, -1), 1), "chunk(n): n pieces"),
        ("10.split_heads", lambda x, H: torch.stack(x.chunk(H, 1), 1), "dim=-1"),
        ("10.split_heads", lambda x, H: torch.stack(x.chunk(H), 1), "H pieces of D"),
        (
            "10.split_heads",
            lambda x, H: x.view(*x.shape[:2], H, -1).transpose(2, 3),
            "dimensions 1 and 2",
        ),
        ("10.count", unlike("-L * 3 * C"), "MLP's first bias is 4C"),
        ("10.count", lambda V, C, H, L, T: 4 * 8 + T * C + 2 * 840 + 16, "stands fixed"),
        ("10.count", lambda *sizes: 2240.0, "not an int"),
        ("10.count", lambda *sizes: torch.tensor(2240), "not an int"),
        ("10.count", unlike("L * 4 * C"), "attention have no bias"),
        ("10.count", unlike("L * 3 * C"), "Query, key and value"),
        ("10.count", unlike("-L * 5 * C"), "MLP have a bias"),
        ("10.count", unlike("-T * C"), "position embedding is missing"),
        ("10.count", unlike("-(2 * L + 1) * C"), "a scale and a shift"),
        ("10.count", unlike("-L * C * C"), "the output one"),
        ("10.count", unlike("(1 - L) * (12 * C * C + 9 * C)"), "num_layers blocks"),
        ("10.count", unlike("-C"), "after the last block has a scale and a shift"),
        ("10.count", unlike("L * C"), "output layer has no bias"),
        ("10.count", unlike("-L * C"), "the MLP's second bias"),
        ("10.count", unlike("V * C", "L * 4 * C"), "Perhaps two slips; one could be: the head"),
        ("10.count", unlike("V * C", "-2 * C"), "Count part by part"),
        ("10.count", lambda *sizes: 2240, "stands fixed"),
        ("10.count", lambda *sizes: "2240", "not an int"),
        ("10.count", lambda *sizes: True, "not an int"),
        ("10.count", lambda *sizes: torch.tensor([2240]), "not an int"),
    ],
)
def test_a_slip_is_named(name, answer, fragment):
    outcome = evaluate(name, answer)
    assert outcome.status == "wrong", outcome.message
    assert fragment in outcome.message.replace("\n  ", " "), outcome.message
    lines = outcome.message.splitlines()
    assert len(lines) <= 9 and max(map(len, lines)) < 100
    assert outcome == evaluate(name, answer)


def test_an_error_of_the_learners_own_is_shown_as_one():
    def picky(q, k, v):
        if q.ndim > 2:
            raise ValueError("two dimensions only")
        return with_additive_mask(q, k, v)

    outcome = evaluate("10.attention", picky)
    assert outcome.status == "raised" and "two dimensions only" in outcome.message
    assert status("10.split_heads", lambda x, H: x.heads(H)) == "raised"
    assert status("10.count", lambda V, C, H, L, T: V / 0) == "raised"
