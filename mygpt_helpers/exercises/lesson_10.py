"""The exercises of lesson 10: attention, several heads, and a block."""

import itertools
import math
from collections.abc import Callable, Iterator
from random import Random

import torch

from .cases import float32, normal
from .engine import Exercise


def causal_attention(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    """Return what each position gathers, (..., T, D), from itself and those before it."""
    T, D = q.shape[-2:]
    scores = q @ k.transpose(-2, -1) / math.sqrt(D)  # (..., T, T)
    later = torch.ones(T, T, dtype=torch.bool).triu(diagonal=1)  # (T, T)
    weights = scores.masked_fill(later, -math.inf).softmax(dim=-1)  # (..., T, T)
    return weights @ v  # (..., T, D)


def _queries_keys_values() -> Iterator[tuple[torch.Tensor, ...]]:
    random = Random(0)
    shapes = ((3, 2), (2, 1), (2, 2), (3, 4), (4, 4), (2, 5), (1, 3), (6, 3))
    for shape in (*shapes, (2, 3, 2), (1, 4, 3), (3, 3, 3), (2, 2, 4, 3), (1, 2, 6, 4)):
        for scale in (1.0, 30.0):  # 30: scores so far apart that exp overflows
            flat = [
                [round(random.gauss(0, spread), 1) for _ in range(math.prod(shape))]
                for spread in (scale, scale, 1.0)
            ]
            yield tuple(float32(numbers).reshape(shape) for numbers in flat)


def _later(T: int, diagonal: int = 1) -> torch.Tensor:
    return torch.ones(T, T, dtype=torch.bool).triu(diagonal)


def _attend(
    turn: Callable = lambda k: k.mT,
    root: Callable = lambda q: math.sqrt(q.shape[-1]),
    mask: Callable = lambda q: _later(q.shape[-2]),
    fill: float = -math.inf,
    rest: Callable = lambda scores, v: scores.softmax(-1) @ v,
) -> Callable:
    """Make an answer to 10.attention that may go wrong in one of its steps."""
    return lambda q, k, v: rest((q @ turn(k) / root(q)).masked_fill(mask(q), fill), v)


def _attend_late(mask: Callable) -> Callable:
    """Make an answer that masks the weights, (..., T, T), instead of the scores."""
    return _attend(
        mask=lambda q: _later(1),  # False, for all scores
        rest=lambda scores, v: mask(scores.softmax(-1)) @ v,
    )


def _powers(scores: torch.Tensor) -> torch.Tensor:
    return (scores - scores.amax(-1, keepdim=True)).exp()


def split_heads(x: torch.Tensor, num_heads: int) -> torch.Tensor:
    """Give each head its share of every vector: (B, T, C) -> (B, H, T, D)."""
    B, T, C = x.shape
    return x.reshape(B, T, num_heads, C // num_heads).transpose(1, 2)  # (B, H, T, D)


def _vectors_and_heads() -> Iterator[tuple[torch.Tensor, int]]:
    cases = [((1, 3, 2), 2), ((1, 2, 4), 2), ((1, 2, 4), 1), ((1, 1, 4), 2), ((2, 3, 4), 2)]
    cases += [((1, 6, 8), 2), ((2, 5, 12), 3), ((3, 4, 6), 6), ((2, 4, 6), 1), ((2, 3, 16), 4)]
    for (B, T, C), num_heads in cases:
        # The number in a place says where it stands: text, position and entry.
        places = itertools.product(range(B), range(T), range(C))
        values = [float(1000 * b + 20 * t + c) for b, t, c in places]
        yield float32(values).reshape(B, T, C), num_heads


def block_forward(
    x: torch.Tensor,
    attention_norm: Callable,
    attention: Callable,
    mlp_norm: Callable,
    mlp: Callable,
) -> torch.Tensor:
    """Add to x (B, T, C) what attention finds, then what the MLP finds in that sum."""
    x = x + attention(attention_norm(x))  # (B, T, C)
    return x + mlp(mlp_norm(x))  # (B, T, C)


def _norm(scale: float, shift: float) -> Callable:
    return lambda x: torch.nn.functional.layer_norm(x, x.shape[-1:]) * scale + shift


def _look_back(x: torch.Tensor) -> torch.Tensor:
    """Stand in for an attention: each position gets the mean of those up to it, turned."""
    counts = torch.arange(1, x.shape[-2] + 1, dtype=x.dtype)[:, None]  # (T, 1)
    return (x.cumsum(-2) / counts).roll(1, -1) * 2  # (B, T, C)


def _bend(x: torch.Tensor) -> torch.Tensor:
    return x.relu() * 3 - x.square() / 4


def _blocks() -> Iterator[tuple]:
    random = Random(0)
    for shape in ((1, 1, 2), (1, 2, 2), (1, 2, 3), (1, 4, 8), (2, 3, 4), (3, 6, 8)):
        for spread in (1.0, 20.0):
            flat = [round(random.gauss(1, spread), 1) for _ in range(math.prod(shape))]
            x = float32(flat).reshape(shape)
            yield x, _norm(2.0, 0.5), _look_back, _norm(0.5, -1.0), _bend


EXERCISES = (
    Exercise(
        name="10.attention",
        title="One head",
        difficulty=2,
        minutes=10,
        solution=causal_attention,
        cases=_queries_keys_values,
        mistakes={
            "Hide later positions and no others: triu(diagonal=1). Keep what masked_fill gives.": (
                *(_attend(mask=lambda q, at=at: _later(q.shape[-2], at)) for at in (0, 2, 99)),
                _attend(mask=lambda q: _later(q.shape[-2]).mT),
                _attend(mask=lambda q: ~_later(q.shape[-2])),
            ),
            "Mask the scores, before softmax: later positions get no weight, and rows sum to 1.": (
                _attend_late(lambda weights: weights.tril()),
                _attend_late(lambda weights: normal(weights.tril())),
                _attend_late(lambda weights: weights + torch.full_like(weights, -math.inf).triu(1)),
            ),
            "A finite score still gets some weight, as exp(0) = 1: use -math.inf.": tuple(
                _attend(fill=fill) for fill in (0.0, -1.0, -10.0, -100.0, -1000.0)
            ),
            "inf, nan, 0 * inf spoil a row: masked_fill(mask, -math.inf), with a mask of bools.": (
                _attend(fill=math.inf),
                _attend(rest=lambda scores, v: v * math.nan),
                _attend(mask=lambda q: _later(q.shape[-2]).float()),
            ),
            "Divide the scores by sqrt(D), where D is the last dimension of q: q.shape[-1].": (
                _attend(root=lambda q: q.shape[-1]),
                _attend(root=lambda q: q.shape[-1] ** -0.5),
                *(_attend(root=lambda q, at=at: math.sqrt(q.shape[at])) for at in (-2, 0, 1)),
                *(_attend(root=lambda q, size=size: math.sqrt(size)) for size in (1, 4, 8)),
            ),
            "The scores are q @ k.transpose(-2, -1): q first, and k with these two swapped.": (
                _attend(turn=lambda k: k),
                _attend(turn=lambda k: k.transpose(0, 1)),
                _attend(turn=lambda k: k.transpose(1, 2)),
                _attend(turn=lambda k: k.permute(1, 0)),
                _attend(turn=lambda k: k.T),
                lambda q, k, v: causal_attention(k, q, v),
            ),
            "scores.softmax(dim=-1) makes each row sum to 1; it needs no keepdim and does not "
            "overflow.": (
                _attend(rest=lambda scores, v: scores.softmax(-2) @ v),
                _attend(rest=lambda scores, v: scores.softmax(0) @ v),
                _attend(rest=lambda scores, v: scores @ v),
                _attend(rest=lambda scores, v: normal(scores.exp()) @ v),
                _attend(rest=lambda scores, v: _powers(scores) / _powers(scores).sum(-1) @ v),
                _attend(rest=lambda s, v: (_powers(s).mT / _powers(s).sum(-1)).mT @ v),
            ),
            "Softmax makes weights of the scores, and weights @ v mixes the values.": (
                _attend(rest=lambda scores, v: scores),
                _attend(rest=lambda scores, v: scores.softmax(-1)),
                _attend(rest=lambda scores, v: v @ scores.softmax(-1)),
                _attend(rest=lambda scores, v: scores.softmax(-1) * v),
                lambda q, k, v: causal_attention(q, k, k),
                lambda q, k, v: causal_attention(q, k, q),
            ),
            "The mask is (T, T): T, D = q.shape[-2:], however many dimensions stand in front.": (
                _attend(mask=lambda q: next(_later(T) for T, D in [q.shape])),
                _attend(mask=lambda q: next(_later(T) for B, T, D in [q.shape])),
                *(_attend(mask=lambda q, at=at: _later(q.shape[at])) for at in (0, 1)),
                _attend(mask=lambda q: _later(6)),
            ),
        },
        keep="Each of the three is still needed elsewhere: make new tensors.",
        hints=(
            "Four steps: scores, mask, softmax, and the product with v.",
            "The scores are q @ k.transpose(-2, -1) / math.sqrt(D): (..., T, T).",
            "torch.ones(T, T, dtype=torch.bool).triu(diagonal=1) is True where a position comes "
            "later; masked_fill puts -math.inf there.",
        ),
        why="exp(-inf) is 0, so softmax gives later positions no weight, and shares all of it "
        "between the others; the last two dimensions do the work, and whatever stands before "
        "them goes along.",
        tried="one text and many, one head and several, scores near and far apart",
        imports="import math\n\nimport torch",
    ),
    Exercise(
        name="10.split_heads",
        title="Give each head its share",
        difficulty=2,
        minutes=6,
        solution=split_heads,
        cases=_vectors_and_heads,
        mistakes={
            "That cuts or mixes the text: cut each vector, (B, T, H, D), and then swap T and H.": (
                lambda x, H: x.reshape(x.shape[0], H, x.shape[1], -1),
                lambda x, H: x.transpose(1, 2).reshape(x.shape[0], H, x.shape[1], -1),
                lambda x, H: torch.stack(x.chunk(H, 1), 1),
            ),
            "The order is (B, H, T, D): after (B, T, H, D), swap dimensions 1 and 2.": (
                lambda x, H: split_heads(x, H).transpose(1, 2),
                lambda x, H: split_heads(x, H).permute(0, 2, 3, 1),
                lambda x, H: split_heads(x, H).transpose(2, 3),
                lambda x, H: split_heads(x, H).transpose(0, 1),
            ),
            "Head 0 takes the first D entries, side by side, and head 1 the next D.": (
                lambda x, H: split_heads(x, x.shape[-1] // H).transpose(1, 3),
                lambda x, H: split_heads(x, H).flip(1),
            ),
            "Each vector becomes H pieces of D: chunk(n, dim=-1) gives n pieces, split(n) of n.": (
                lambda x, H: split_heads(x, x.shape[-1] // H),
                lambda x, H: torch.stack(x.chunk(H), 1),
                lambda x, H: x,
                lambda x, H: x.unsqueeze(1),
            ),
            "H and D follow the arguments: num_heads, and C // num_heads.": (
                lambda x, H: split_heads(x, 2),
                lambda x, H: x.reshape(*x.shape[:2], 2, 4).transpose(1, 2),
                lambda x, H: x.reshape(*x.shape[:2], H, 4).transpose(1, 2),
            ),
            "C / H is a float, and sizes are whole numbers: C // num_heads.": (
                lambda x, H: x.view(*x.shape[:2], H, x.shape[2] / H),
                lambda x, H: x.reshape(*x.shape[:2], H, x.shape[2] / H),
                lambda x, H: x.split(x.shape[2] / H, -1),
                lambda x, H: x[..., : x.shape[2] / H],
            ),
            "The pieces are a list: torch.stack(pieces, dim=1) makes a tensor of them.": (
                lambda x, H: x.chunk(H, -1),
                lambda x, H: list(x.chunk(H, -1)),
            ),
        },
        keep="The vectors are still needed elsewhere: make a new tensor.",
        hints=(
            "Two steps: cut every vector into H pieces, then bring the heads to the front.",
            "reshape or view to (B, T, H, D) cuts the vectors and leaves positions alone.",
            "transpose(1, 2) then swaps positions and heads.",
        ),
        why="In memory the entries of one vector lie side by side, so (B, T, H, D) cuts vectors; "
        "the swap changes which dimension counts what, and moves no entry to another position.",
        tried="one head and several, one text and many",
    ),
    Exercise(
        name="10.block",
        title="The block",
        difficulty=2,
        minutes=4,
        solution=block_forward,
        cases=_blocks,
        mistakes={
            "Each part adds to what came in: x + attention(...), and then + mlp(...).": (
                lambda x, n, a, m, f: f(m(a(n(x)))),
                lambda x, n, a, m, f: next(y + f(m(y)) for y in [a(n(x))]),
                lambda x, n, a, m, f: f(m(x + a(n(x)))),
            ),
            "A norm makes a copy for its part to read; the sum itself goes on without a norm.": (
                lambda x, n, a, m, f: next(m(y + f(y)) for y in [n(x + a(x))]),
                lambda x, n, a, m, f: next(y + f(y) for y in [n(x + a(x))]),
                lambda x, n, a, m, f: next(m(y) + f(m(y)) for y in [n(x) + a(n(x))]),
                lambda x, n, a, m, f: next(y + f(m(y)) for y in [n(x) + a(n(x))]),
                lambda x, n, a, m, f: next(m(y) + f(m(y)) for y in [x + a(n(x))]),
            ),
            "The MLP reads the first sum, with what attention has added, not the block's x.": (
                lambda x, n, a, m, f: x + a(n(x)) + f(m(x)),
                lambda x, n, a, m, f: x + f(m(x)),
            ),
            "The second sum adds to the first one: what attention found must stay in it.": (
                lambda x, n, a, m, f: x + f(m(x + a(n(x)))),
                lambda x, n, a, m, f: x + f(m(a(n(x)))),
            ),
            "Each part has a norm of its own in front: attention_norm, and mlp_norm.": (
                lambda x, n, a, m, f: next(y + f(y) for y in [x + a(x)]),
                lambda x, n, a, m, f: next(y + f(m(y)) for y in [x + a(x)]),
                lambda x, n, a, m, f: next(y + f(y) for y in [x + a(n(x))]),
                lambda x, n, a, m, f: next(y + f(n(y)) for y in [x + a(n(x))]),
                lambda x, n, a, m, f: next(y + f(n(y)) for y in [x + a(m(x))]),
                lambda x, n, a, m, f: next(y + m(f(y)) for y in [x + n(a(x))]),
            ),
            "Two steps: attention and its sum, then the MLP and its sum.": (
                lambda x, n, a, m, f: next(y + a(n(y)) for y in [x + f(m(x))]),
                lambda x, n, a, m, f: x + a(n(x)),
                lambda x, n, a, m, f: a(n(x)),
            ),
        },
        keep="x += ... writes into the caller's tensor: x = x + ... makes a new one.",
        hints=(
            "Two lines, one for each half of the picture: a part, and the sum after it.",
            "The first is x = x + attention(attention_norm(x)).",
            "The second has the same form: its MLP reads the new x, through mlp_norm.",
        ),
        why="The parts read normed copies and add what they find; x itself goes through the block "
        "untouched but for the two sums.",
        tried="one position and many, small and large numbers",
        imports="from collections.abc import Callable\n\nimport torch",
    ),
)
