"""The exercises of lesson 10: attention, several heads, and what a GPT weighs."""

import itertools
import math
from numbers import Integral, Real

import torch

from .answer import Answer, Raised, Wrong, clip, kind, show
from .core import Exercise, on_purpose, say
from .mistakes_10 import attended, attention_mistakes, error_advice, three
from .tensors import explained, judge


def causal_attention(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    """Return what each position gathers, (..., T, D), from itself and those before it."""
    T, D = q.shape[-2:]
    scores = q @ k.transpose(-2, -1) / math.sqrt(D)  # (..., T, T)
    later = torch.ones(T, T, dtype=torch.bool).triu(diagonal=1)  # (T, T)
    weights = scores.masked_fill(later, -math.inf).softmax(dim=-1)  # (..., T, T)
    return weights @ v  # (..., T, D)


def _check_attention(answer: Answer) -> str:
    advice = "Here you write its steps: scores, mask, softmax, and the product with v."
    if answer.uses("scaled_dot_product_attention"):
        raise Wrong("that is torch's own attention function", advice=advice)
    if answer.uses("attention_weights"):
        raise Wrong("that is the package's own function, attention_weights", advice=advice)
    shapes = ((3, 2), (2, 1), (2, 2), (3, 4), (4, 4), (2, 5), (1, 3), (6, 3))
    for shape in (*shapes, (2, 3, 2), (1, 4, 3), (3, 3, 3), (2, 2, 4, 3), (1, 2, 6, 4)):
        for scale in (1.0, 30.0):  # 30: scores so far apart that exp overflows
            _judge_attention(answer, *three(shape, scale))
    return "one text and many, one head and several, scores near and far apart"


def _judge_attention(answer: Answer, *case: torch.Tensor) -> None:
    try:
        got = answer(*case)
    except Raised as raised:
        error, shape = raised.__cause__, tuple(case[0].shape)
        text = say(error)
        advice = "" if on_purpose(error) else error_advice(answer, text, shape)
        if not advice:
            raise
        what = "(T, D) works, (..., T, D) raises" if len(shape) > 2 else "the code raised an error"
        raise Wrong(what, f"a tensor of shape {shape}", clip(text), advice) from None
    judge(got, attended(*case), attention_mistakes, answer, *case)
    answer.must_not_change("Each of the three is still needed elsewhere: make new tensors.")


def split_heads(x: torch.Tensor, num_heads: int) -> torch.Tensor:
    """Give each head its share of every vector: (B, T, C) -> (B, H, T, D)."""
    B, T, C = x.shape
    return x.reshape(B, T, num_heads, C // num_heads).transpose(1, 2)  # (B, H, T, D)


def _check_split_heads(answer: Answer) -> str:
    cases = [((1, 3, 2), 2), ((1, 2, 4), 2), ((1, 2, 4), 1), ((1, 1, 4), 2), ((2, 3, 4), 2)]
    cases += [((1, 6, 8), 2), ((2, 5, 12), 3), ((3, 4, 6), 6), ((2, 4, 6), 1), ((2, 3, 16), 4)]
    for (B, T, C), num_heads in cases:
        # The number in a place says where it stands: text, position and entry.
        places = itertools.product(range(B), range(T), range(C))
        values = [float(1000 * b + 20 * t + c) for b, t, c in places]
        x = torch.tensor(values, device="cpu").reshape(B, T, C)
        got = explained(answer, _SPLIT_ERRORS, x, num_heads)
        want = _right_split(x, num_heads)
        if isinstance(got, list | tuple) and _are_pieces(got, want):
            advice = "The pieces are a list: torch.stack(pieces, dim=1) makes a tensor of them."
            expected = f"a tensor of shape {tuple(want.shape)}"
            raise Wrong("the result is not a tensor", expected, f"a {kind(got)}", advice)
        judge(got, want, _split_mistakes, x, num_heads)
        answer.must_not_change("The vectors are still needed elsewhere: make a new tensor.")
    return "one head and several, one text and many"


_FLOAT = "C / H is a float, and sizes are whole numbers: C // num_heads."
_FIXED = "H and D follow the arguments: num_heads, and C // num_heads."
_SPLIT_ERRORS = {
    "of ints": _FLOAT,
    "indices must be integers": _FLOAT,
    "is invalid for input of size": _FIXED,
    "don't multiply up": _FIXED,
    "to be equal size": "H pieces of each vector, all of D entries: x.chunk(num_heads, dim=-1).",
}


def _are_pieces(got: list | tuple, want: torch.Tensor) -> bool:
    pieces = want.unbind(1)
    return len(got) == len(pieces) and all(
        isinstance(part, torch.Tensor) and torch.equal(part.detach().cpu(), piece)
        for part, piece in zip(got, pieces, strict=True)
    )


def _right_split(x: torch.Tensor, H: int) -> torch.Tensor:
    return torch.stack(x.chunk(H, dim=-1), dim=1)


def _split_mistakes(x: torch.Tensor, H: int) -> list[tuple[object, str]]:
    B, T, C = x.shape
    D = C // H
    right = _right_split(x, H)
    cuts_text = "That cuts the text: cut each vector, (B, T, H, D), and then swap T and H."
    mixed = "Entries and positions are mixed: cut first, (B, T, H, D), then swap T and H."
    every = "Head 0 takes the first D entries, side by side; yours takes every H-th one."
    pieces = "H pieces of D entries; yours has D of H. (split(n): pieces of n; chunk(n): n pieces.)"
    whole = "The vectors are still whole: give each head its D = C / H entries."
    known = [
        (x.reshape(B, H, T, D), cuts_text),
        (x.reshape(B, T, H, D), "The heads come before the positions: swap T and H."),
        (x.reshape(B, T, D, H).permute(0, 3, 1, 2), every),
        (x.reshape(B, T, D, H).transpose(1, 2), pieces),
        (x.reshape(B, T, H, D).transpose(2, 3), "Swap T and H, dimensions 1 and 2."),
        (x.transpose(1, 2).reshape(B, H, T, D), mixed),
        (right.transpose(-2, -1), "The last two are the wrong way round: T, then D."),
        (right.transpose(0, 1), "The texts come first: (B, H, T, D)."),
        (right.flip(1), "Head 0 comes first, with the first D entries."),
        (x, whole),
        (x.unsqueeze(1), whole),
    ]
    if T % H == 0:
        wrong_dim = "That cuts the text: x.chunk(num_heads, dim=-1) cuts the vectors."
        known.append((torch.stack(x.chunk(H, 1), 1), wrong_dim))
    for size in (2, 4):
        if C % size == 0:
            known.append((_right_split(x, size), f"{size} heads each time: H is num_heads."))
            known.append((_right_split(x, C // size), f"D = {size} each time: D is C // H."))
    return known


def parameter_count(
    vocab_size: int, embed_dim: int, num_heads: int, num_layers: int, max_seq_len: int
) -> int:
    """Return how many parameters the lesson's GPT has with these sizes."""
    C = embed_dim
    embeddings = vocab_size * C + max_seq_len * C  # the head is the first of them once more
    attention = 4 * C * C  # query, key, value, output; no bias
    mlp = (4 * C * C + 4 * C) + (4 * C * C + C)  # wider and back, with bias
    norm = 2 * C  # scale and shift
    return embeddings + num_layers * (attention + mlp + 2 * norm) + norm


def _check_count(answer: Answer) -> str:
    sizes = [(4, 8, 2, 2, 64), (4, 8, 2, 1, 64), (4, 8, 1, 2, 64), (4, 8, 8, 2, 64)]
    sizes += [(11, 6, 3, 5, 7), (2, 1, 1, 1, 1), (65, 48, 4, 3, 32), (50257, 768, 12, 12, 1024)]
    for case in sizes:
        got, want = answer(*case), _count(*case)
        if isinstance(got, bool) or not isinstance(got, Integral):
            advice = "C / H or a / somewhere? Counts are whole: leave it out, or use //."
            advice = advice if isinstance(got, float) else ""
            raise Wrong("the result is not an int", str(want), f"{show(got)} ({kind(got)})", advice)
        if got != want:
            raise Wrong("the number is not right", str(want), show(got), _count_advice(answer))
    return "small and large models, many heads and few"


def _count(V: int, C: int, H: int, L: int, T: int) -> int:
    return (V + T) * C + L * (12 * C * C + 9 * C) + 2 * C


def _slips(V: int, C: int, H: int, L: int, T: int) -> list[tuple[int, str]]:
    """Give what each slip adds to the count, and advice: one line, below the five sizes."""
    return [
        (V * C, "The head is the token embedding once more: count it once."),
        (L * 4 * C, "The four layers of the attention have no bias."),
        (L * 3 * C, "Query, key and value have no bias; or is a bias of the MLP too large?"),
        (-L * 5 * C, "Both layers of the MLP have a bias: 4C and C."),
        (-L * 3 * C, "The MLP's first bias is 4C, its second C."),
        (-L * 4 * C, "Each block has two norms, of 2C each, and the MLP's first bias is 4C."),
        (-L * 2 * C, "Each block has two norms, of 2C each."),
        (-(2 * L + 1) * 2 * C, "The norms are missing: 2C each, two a block and one at the end."),
        (-(2 * L + 1) * C, "A norm has a scale and a shift: 2C."),
        (-2 * C, "One more norm stands after the last block."),
        (-C, "The norm after the last block has a scale and a shift: 2C."),
        (L * C, "The attention's output layer has no bias."),
        (-L * C, "C is missing in each block: the MLP's second bias, or one norm's shift."),
        (-T * C, "The position embedding is missing: max_seq_len rows."),
        (-V * C, "The token embedding is missing: vocab_size rows."),
        (-L * C * C, "The attention has four layers: the output one, too."),
        (L * 4 * C * C * (H - 1), "The heads share the four C x C layers between them."),
        (L * 4 * C * C // H - L * 4 * C * C, "All heads together have C columns: four C x C."),
        ((1 - L) * (12 * C * C + 9 * C), "Each of the num_layers blocks has its own parameters."),
    ]


def _count_advice(answer: Answer) -> str:
    """Name a slip that explains, alone or with another, the answers for several models."""
    probes = [(101, 30, 5, 3, 17), (7, 18, 3, 2, 41), (1009, 42, 6, 7, 230)]
    off = []
    for probe in probes:
        got = answer.probe(*probe)
        if not isinstance(got, Real):
            return ""
        off.append(got - _count(*probe))
    slips = [_slips(*probe) for probe in probes]  # [probe][slip]
    columns = [([amount for amount, _ in slip], slip[0][1]) for slip in zip(*slips, strict=True)]
    for amounts, text in columns:
        if off == amounts:
            return text
    for (one, text), (other, _) in itertools.combinations(columns, 2):
        alike = (one[0] > 0) == (other[0] > 0)  # two that cancel in part are too far a guess
        if alike and off == [a + b for a, b in zip(one, other, strict=True)]:
            return f"Perhaps two slips; one could be: {text[0].lower()}{text[1:]}"
    if answer.probe(4, 8, 2, 2, 64) == _count(4, 8, 2, 2, 64):
        return "Right for the sizes of section 6: something stands fixed that should follow them."
    return "Count part by part, and compare each with the table of section 6."


EXERCISES = (
    Exercise(
        name="10.attention",
        title="Causal attention",
        difficulty=2,
        minutes=12,
        task="From q, k and v, each (..., T, D), with any number of dimensions in front, also "
        "none, return what each position gathers from itself and those before it, (..., T, D), "
        "without torch's own attention function and the package's attention_weights.",
        check=_check_attention,
        hints=(
            "Four steps: scores, mask, softmax, and the product with v.",
            "The scores are q @ k.transpose(-2, -1) / math.sqrt(D): (..., T, T).",
            "torch.ones(T, T, dtype=torch.bool).triu(diagonal=1) is True where a position comes "
            "later; masked_fill puts -math.inf there.",
        ),
        solution=causal_attention,
        why="exp(-inf) is 0, so softmax gives later positions no weight, and shares all of it "
        "between the others; the last two dimensions do the work, and whatever stands before "
        "them goes along.",
        wrong=(
            (lambda q, k, v: (q @ k.mT / q.shape[-1] ** 0.5).softmax(-1) @ v, "later positions"),
            (lambda q, k, v: causal_attention(q, k * q.shape[-1] ** 0.5, v), "not divided"),
            (lambda q, k, v: (q @ k.mT / q.shape[-1] ** 0.5).softmax(-1).tril() @ v, "sum to 1"),
            (lambda q, k, v: causal_attention(q, k, k), "not @ k"),
        ),
        imports="import math\n\nimport torch",
    ),
    Exercise(
        name="10.split_heads",
        title="Give each head its share",
        difficulty=2,
        minutes=8,
        task="Turn x (B, T, C) into (B, H, T, D), D = C / H: head 0 takes the first D entries of "
        "every vector, head 1 the next D. `reshape` cuts a dimension in two, `transpose` swaps "
        "two; or cut pieces and `torch.stack` them.",
        check=_check_split_heads,
        hints=(
            "Two steps: cut every vector into H pieces, then bring the heads to the front.",
            "reshape or view to (B, T, H, D) cuts the vectors and leaves positions alone.",
            "transpose(1, 2) then swaps positions and heads.",
        ),
        solution=split_heads,
        why="In memory the entries of one vector lie side by side, so (B, T, H, D) cuts vectors; "
        "the swap changes which dimension counts what, and moves no entry to another position.",
        wrong=(
            (lambda x, H: x.reshape(x.shape[0], H, x.shape[1], -1), "cuts the text"),
            (lambda x, H: x.reshape(*x.shape[:2], H, -1), "swap T and H"),
            (lambda x, H: x.reshape(*x.shape[:2], -1, H).permute(0, 3, 1, 2), "every H-th"),
        ),
        imports="import torch",
    ),
    Exercise(
        name="10.count",
        title="What does it weigh?",
        difficulty=2,
        minutes=10,
        task="From the five sizes, return how many parameters the lesson's GPT has, an int.",
        check=_check_count,
        hints=(
            "Write the count of each part with C = embed_dim: the two embeddings, a block, a norm.",
            "A block: four layers C x C without bias; C to 4C and back to C with bias; two norms "
            "of 2C each.",
            "vocab_size * C + max_seq_len * C + num_layers * (block) + 2 * C; the tied head adds "
            "nothing.",
        ),
        solution=parameter_count,
        why="Only the blocks grow with C * C, 12 of them in each; num_heads says how the C "
        "columns are shared out, so it changes nothing.",
        wrong=(
            (lambda V, C, H, L, T: _count(V, C, H, L, T) + V * C, "count it once"),
            (lambda V, C, H, L, T: _count(V, C, H, L, T) - 2 * C, "after the last block"),
            (lambda V, C, H, L, T: _count(V, C, H, L, T) + L * 4 * C, "have no bias"),
            (lambda V, C, H, L, T: _count(V, C, H, L, T) + 4 * L * C * C * (H - 1), "share"),
        ),
    ),
)
