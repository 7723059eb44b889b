"""What known slips in attention give or raise, and what to say about each. For lesson 10."""

from __future__ import annotations

import math
from random import Random

import torch
from torch import Tensor

from .answer import Answer


def attended(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Return what each position gathers under the causal mask, in doubles: (..., T, D)."""
    q, k, v = q.double(), k.double(), v.double()
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])  # (..., T, T)
    return scores.masked_fill(later(q.shape[-2]), -math.inf).softmax(-1) @ v


def later(T: int, diagonal: int = 1) -> Tensor:
    """Return the causal mask (T, T), True above the diagonal."""
    return torch.ones(T, T, dtype=torch.bool, device="cpu").triu(diagonal)


def three(shape: tuple[int, ...], scale: float) -> list[Tensor]:
    """Make q, k and v of a shape, with one digit after the point, the same on every machine."""
    random = Random(repr((shape, scale)))
    count = math.prod(shape)
    flat = [[round(random.gauss(0, s), 1) for _ in range(count)] for s in (scale, scale, 1)]
    return [torch.tensor(f, dtype=torch.float32, device="cpu").reshape(shape) for f in flat]


def error_advice(answer: Answer, text: str, shape: tuple[int, ...]) -> str:
    """Say what stands behind an error of this text, for q of this shape; "" if unknown."""
    if "to unpack" in text:
        return "T, D = q.shape[-2:] works with any number of dimensions in front."
    if "boolean mask" in text:
        return "masked_fill asks for a mask of True and False: make it with dtype=torch.bool."
    if "Dimension out of range" in text and len(shape) == 2:
        return "Count from the end: transpose(-2, -1) works with any number of dimensions in front."
    if advice := _square_advice(answer):
        return advice
    if "cannot be multiplied" in text:
        return "k has to be turned: q @ k.transpose(-2, -1)."
    if "must match the size" not in text or "dimension 0" in text:
        turned = "With more than two dimensions swap the last two only: k.transpose(-2, -1)."
        return turned if len(shape) > 2 else ""
    if "(6)" in text and shape[-2] != 6:
        return "The mask is fixed at 6 x 6, as in the notebook: make it from T = q.shape[-2]."
    if any(map(answer.uses, ("sum", "amax", "max"))):
        return "keepdim=True keeps the dimension of a sum or a maximum; and T is q.shape[-2]."
    return "The mask is (T, T), and T is q.shape[-2], whatever stands in front."


def _square_advice(answer: Answer) -> str:
    """Name a product that runs, and is wrong, only where T is D."""
    q, k, v = three((4, 4), 1.0)
    got = answer.probe(q, k, v)
    if not isinstance(got, Tensor) or got.shape != v.shape:
        return ""
    weights = attended(q, k, torch.eye(4, device="cpu"))
    if torch.allclose(got.double(), v.double() @ weights, atol=1e-4):
        return "The weights come first, one row for each position: weights @ v."
    by_entry = torch.allclose(got.double(), weights * v.double(), atol=1e-4)
    return "`*` multiplies entry by entry; the mixture is weights @ v." if by_entry else ""


def attention_mistakes(answer: Answer, *case: Tensor) -> list[tuple[object, str]]:
    """Give what each known slip returns for q, k and v, and advice."""
    q, k, v = (t.double() for t in case)
    T, D = q.shape[-2:]
    hidden, root = later(T), math.sqrt(D)
    scores = q @ k.mT / root
    masked = scores.masked_fill(hidden, -math.inf)

    def gathered(scores: Tensor, dim: int = -1) -> Tensor:
        return scores.softmax(dim) @ v

    def filled(mask: Tensor, value: float = -math.inf) -> Tensor:
        return gathered(scores.masked_fill(mask, value))

    powers = masked.float().exp()
    overflown = powers / powers.sum(-1, keepdim=True) @ v.float()
    # In floats, as the learner's: where all that is left is 0, this is 0/0.
    cut = (case[0] @ case[1].mT / root).softmax(-1).masked_fill(hidden, 0)
    again = cut / cut.sum(-1, keepdim=True) @ case[2]
    open_ = "Each row sees later positions: set those scores to -inf first."
    if answer.uses("masked_fill"):
        open_ = "The mask does nothing: masked_fill gives a new tensor, so keep what it returns."
    itself = "A position sees itself too, or row 0 has nothing left: triu(diagonal=1)."
    rows = "softmax goes over the last dimension: each row sums to 1."
    lost = "0/0: masked after softmax, a row may have nothing left. Mask the scores, before it."
    finite = "A finite number still gets some weight, or beats lower scores: use -math.inf."
    most = "+inf wins over all else, and nan spoils its row: hidden scores become -math.inf."
    if answer.uses("nan"):
        most = "nan only hides cells in the picture; here the score becomes -math.inf."
    times = "0 * inf is nan: use masked_fill with a mask of True and False."
    infinite = "Mask before softmax: it is softmax that turns -inf into no weight."
    known = [
        (gathered(scores), open_),
        (filled(later(T, 2)), "The mask starts one place too late: triu(diagonal=1)."),
        (cut.double() @ v, "Masked after softmax, rows do not sum to 1: mask the scores instead."),
        (again, lost),
        (gathered(masked * root), "The scores are not divided by sqrt(D)."),
        (gathered(masked / root), "Divide by the square root of D, not by D."),
        (gathered(masked * root / math.sqrt(T)), "D is the last dimension of q: q.shape[-1]."),
        (gathered(masked * D), "Divide by sqrt(D); do not multiply."),
        (masked.softmax(-1), "Those are the weights; they still have to be multiplied with v."),
        (masked.softmax(-1) @ k, "The weights mix the values: @ v, not @ k."),
        (masked.softmax(-1) @ q, "The weights mix the values: @ v, not @ q."),
        (masked @ v, "softmax is missing between the scores and v."),
        (masked, "Those are the scores: softmax, and then @ v, come after them."),
        (filled(hidden, 0), "A score of 0 still gets a weight, exp(0) = 1: use -math.inf."),
        (filled(hidden, math.inf), most),  # nan, as with nan in its place
        (gathered(scores + hidden.double() * -math.inf), times),
        (scores.softmax(-1).masked_fill(hidden, -math.inf) @ v, infinite),
        *((filled(hidden, value), finite) for value in (-1, -10, -100, -1000, -10_000)),
        (filled(later(T, 0)), itself),
        (filled(hidden.T), "The other triangle: later positions are hidden, not earlier ones."),
        (filled(~hidden), "The mask is upside down: True stands where the score becomes -inf."),
        (gathered(masked, -2), rows),
        (gathered(masked, 0), rows),
        (gathered(scores.mT.masked_fill(hidden, -math.inf)), "q and k are swapped: q @ k.mT."),
        (overflown, "exp overflows on large scores: torch.softmax does not."),
    ]
    if T == D:
        turned = (q @ k / root).masked_fill(hidden, -math.inf)
        known.append((gathered(turned), "k has to be turned: q @ k.transpose(-2, -1)."))
    for size in (4, 8):
        fixed = gathered(masked * root / math.sqrt(size))
        known.append((fixed, f"sqrt({size}) is fixed; D follows q: q.shape[-1]."))
    return known
