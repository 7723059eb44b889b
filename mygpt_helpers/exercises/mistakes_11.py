"""Known mistakes of lesson 11 in the batch and the cross entropy: what they give, what to say."""

import dis
import math
from collections.abc import Callable
from types import TracebackType

import torch

from .answer import Answer
from .tensors import logits, normal


def equal(got: torch.Tensor, want: torch.Tensor) -> bool:
    """Say whether two tensors have the same shape and values."""
    return got.shape == want.shape and bool((got == want).all())


# --- the batch: inputs and targets (B, T) from data (N,) ----------------------------------------


def _last(error: BaseException) -> TracebackType | None:
    """Give the innermost step of an error's traceback."""
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    return trace


def _one_index(error: BaseException) -> str:
    """Advise where more than one number came as one index; torch.tensor raises the same error."""
    trace = _last(error)
    if trace and "CALL" in dis.opname[trace.tb_frame.f_code.co_code[trace.tb_lasti]]:
        makers = {"tensor", "as_tensor", "Tensor", "LongTensor"}
        if makers & set(trace.tb_frame.f_code.co_names):
            return "torch.tensor cannot join tensors: torch.stack(rows) can."
    return "A slice takes one start: cut the rows one by one, then torch.stack(rows)."


_ERRORS = {
    "single element": _one_index,
    "only one element": _one_index,
    "expected Tensor as element": "torch.stack joins tensors: leave each row a tensor.",
    "must be tuple of Tensors": "torch.stack takes a list of rows, (T,) each.",
    "equal size": "Rows of several lengths: does a slice run past an end of data?",
    "must match the size": "(B,) and (T,) do not add up: starts[:, None] is (B, 1).",
}


def _draws(answer: Answer) -> str:
    """Say that starts are drawn anew, where the function does so; "" elsewhere."""
    draws = next(filter(answer.uses, ("get_batch", "randint", "randperm", "randrange")), "")
    return f"{draws} draws starts of its own: use the starts you are given." if draws else ""


def batch_errors(answer: Answer) -> dict[str, str | Callable[[BaseException], str]]:
    """Give the advice on errors, by a part of their text; "" is a part of every one."""
    return {"": draws} if (draws := _draws(answer)) else _ERRORS


def batch_mistakes(
    answer: Answer, name: str, data: torch.Tensor, starts: torch.Tensor, places: torch.Tensor
) -> list[tuple[object, str]]:
    """Give what known mistakes make of the part of this name; places: (B, T), of the inputs."""
    inputs, targets = data[places], data[places + 1]
    last = len(data) - 1
    longer = torch.cat([inputs, targets[:, -1:]], dim=1)  # (B, T + 1)
    rows = places - starts[:, None] + torch.arange(len(starts), device="cpu")[:, None]
    from_0 = "These rows begin at 0, 1, 2, ...: go through starts, `for start in starts`."
    places_only = "These are places: the ids stand at data[places]."
    row = "One row for each start, (B, T): only the first start is used."
    no_row = "data[starts] is one id for each start: T ids each, from the start on."
    if name == "inputs":
        own = inputs
        known = [
            (places, places_only),
            (data[rows.clamp(max=last)], from_0),
            (starts, "These are the starts: the ids stand in data, T of them from each start."),
            (inputs[:, 0], no_row),
            (longer, "These are T + 1 ids: all but the last for the inputs, [:, :-1]."),
            (longer[:-1], "That cuts the batch: [:, :-1] cuts each row."),
            (inputs[:, :-1], "One id short: cut seq_len + 1 ids, then leave out the last."),
            (targets, "The inputs begin at the starts themselves; the targets, one further."),
        ]
    else:
        own = targets
        counted = "Take the next id from the data, not by counting: data[places + 1]."
        whole = "One target for each position: (B, T), not the last alone."
        known = [
            (places + 1, "These are places: the ids stand at data[places + 1]."),
            (inputs + 1, "The next place, not the next id: data[places + 1]."),
            (inputs, "The targets are the inputs again: shift them by one, data[place + 1]."),
            (data[places - 1], "Shifted the wrong way: a target is the id after its input."),
            (inputs.roll(1, 1), "Rolled the wrong way: a target is the id after its input."),
            (inputs.roll(-1, 1), "The row wraps round: its last target comes from data."),
            (targets[:, -1], whole),
            (targets[:, -1:], whole),
            (targets[:, 0], no_row),
            (data[(places + 2).clamp(max=last)], "Shifted by two: the target is the very next id."),
            (
                data[(places + places.shape[1]).clamp(max=last)],
                "Shifted by seq_len: the targets begin one id further on, at start + 1.",
            ),
            (data[(rows + 1).clamp(max=last)], from_0),
            (targets[:, :-1], "One id short: cut seq_len + 1 ids, and leave out the first."),
            (longer, "These are T + 1 ids: all but the first for the targets, [:, 1:]."),
            (longer[1:], "That cuts the batch: [:, 1:] cuts each row."),
            *(((inputs + 1) % size, counted) for size in range(2, 12)),
        ]
    return [
        *([(lambda got: True, draws)] if (draws := _draws(answer)) else []),
        *((wrong, text) for wrong, text in known if not equal(wrong, own)),
        (own.double(), "Ids are whole numbers: make the tensor with dtype=torch.long."),
        (own[0], row if len(own) > 1 else "One text is a batch too: (1, T)."),
        *([(own[:1], row)] if len(own) > 1 else []),
        (own.T, "Each text is a row: stack along dim=0."),
        (own.flatten(), "torch.cat glues the rows into one; torch.stack keeps them apart."),
    ]


# --- the cross entropy of logits (B, T, V) to targets (B, T) ------------------------------------

_ZERO = "A probability of 0 has no logarithm: torch.log_softmax(logits, dim=-1) does both."
_HUGE = "exp(1000) is infinite in float32: use torch.log_softmax."
_GATHER = "gather(-1, targets[..., None])."
_CLAMPS = ("clamp", "clamp_", "clamp_min", "clamp_max", "clip", "clip_")
_TWO_PLACES = [[[1.0, 2.0], [0.5, 0.0]]], [[1, 1]]  # logits (1, 2, 2) and targets (1, 2)


def _indexed(error: BaseException) -> str:
    """Advise on an index out of bounds; "" in a loop, which indexes by plain numbers."""
    trace = _last(error)
    steps = dis.get_instructions(trace.tb_frame.f_code) if trace else ()
    if any(step.opname == "FOR_ITER" for step in steps):
        return ""
    return f"[targets] indexes the batch, not the vocabulary: {_GATHER}"


def entropy_errors(answer: Answer) -> dict[str, str | Callable[[BaseException], str]]:
    """Give the advice on errors, by a part of their text."""
    flat = "torch's own takes logits (N, V) and targets (N,): logits.flatten(0, 1), "
    known: dict[str, str | Callable[[BaseException], str]] = dict.fromkeys(
        ("target size", "target tensor expected", "target batch_size"), flat + "targets.flatten()."
    )
    if answer.uses("one_hot"):
        known["must match the size"] = "F.one_hot has to know V: F.one_hot(targets, V)."
    return known | {
        "Index tensor must have the same": "gather wants as many dimensions as it picks from: "
        "targets[..., None] is (B, T, 1).",
        "gather(): argument 'dim'": f"The dimension comes first: {_GATHER}",
        "IndexError: index": _indexed,
        "RuntimeError: index": f"dim=-1 is the vocabulary: {_GATHER}",
        "math domain error": _ZERO,
        "expected a positive input": _ZERO,  # Python 3.14 on math.log(0)
        "math range error": _HUGE,
    }


def entropy_mistakes(
    answer: Answer, case: torch.Tensor, targets: torch.Tensor
) -> list[tuple[object, str]]:
    """Give what known mistakes make of logits (B, T, V) and targets (B, T)."""
    logs, index = torch.log_softmax(case.double(), -1), targets[..., None]
    picked = logs.gather(-1, index)[..., 0]  # (B, T)
    mean = -picked.mean()
    probs, naive = (p.gather(-1, index) for p in (case.softmax(-1), normal(case.exp())))
    twice = case.softmax(-1).log_softmax(-1).gather(-1, index)
    base = "Take the natural logarithm, torch.log: that is in"
    dim = "The vocabulary is the last dimension: softmax over dim=-1."
    added = "The number added, or clamped to, before the logarithm hides how wrong the model is:"
    added += " torch.log_softmax."
    gone = "A place whose probability rounds to 0 counts too: torch.log_softmax(logits, dim=-1)."
    again = "log_softmax takes the logarithm already: no second log."
    softmaxes = "Softmax twice: F.cross_entropy and log_softmax take logits, and do it themselves."
    over_all = "Logits are no probabilities, and the target's alone counts: log_softmax, gather."
    clamped = "Clamped logits are other logits: log_softmax takes those of any size as they are."
    large = bool(case.abs().max() > 4)  # smaller cases come first, and no clamp touches them
    column = "targets[:, None] is (B, 1, T): gather wants (B, T, 1), targets[..., None]."
    return [
        (-probs.log().mean(), _ZERO),
        (-torch.where(probs > 0, probs.log(), 0).mean(), gone),
        (-probs[probs > 0].log().mean(), gone),
        (-naive.log().mean(), _HUGE),
        (-naive.nan_to_num().log().mean(), _HUGE),
        (
            probs.log().nan_to_num().mean().abs(),
            "nan_to_num hides the infinity, and mends nothing: torch.log_softmax stays finite.",
        ),
        (-picked.sum(), "That is the sum: take the mean over all B x T places."),
        (-mean, _on_the_sign(answer)),
        (
            picked.exp().mean().log(),
            "First the logarithm of each probability, then the mean, then the minus sign.",
        ),
        *((-case.log_softmax(d).gather(-1, index).mean(), dim) for d in (0, 1)),
        (mean / math.log(2), f"{base} bits."),
        (mean / math.log(10), f"{base} powers of ten."),
        (picked.exp().mean(), "Those are probabilities: take minus the logarithm of each."),
        (-picked.exp().mean(), "Those are probabilities: take the logarithm of each."),
        (1 - picked.exp().mean(), "That is 1 - p: take minus the logarithm of each p."),
        (-picked.exp().mean().log(), "First the logarithm of each probability, then the mean."),
        (-logs.mean(), "That is the mean over all V entries: pick the target's, by gather."),
        (
            mean / case.shape[-1],
            "That is a mean over all V entries: divide by B x T, not B x T x V.",
        ),
        (-logs[..., targets].mean(), "[..., targets] pairs each place with all targets: gather."),
        (-logs.gather(-1, targets[:, None]).mean(), column),
        (-logs.amax(-1).mean(), "That is the top token's loss: the target's counts, by gather."),
        (-twice.mean(), softmaxes),
        (
            -(logs.exp() * logs).sum(-1).mean(),
            "That is the entropy of the probabilities: the target's logarithm alone counts.",
        ),
        (-picked[:, -1].mean(), "That is the last position alone: all T of them count."),
        (-picked[0].mean(), "That is the first text alone: all B of them count."),
        ((case.argmax(-1) == targets).double().mean(), "That is how often the top token is right."),
        (-case.gather(-1, index).mean(), "Those are logits: torch.log_softmax comes first."),
        (-case.gather(-1, index).log().mean(), "Logits are no probabilities: softmax, then log."),
        *((sign * case.log().mean(), over_all) for sign in (-1, 1)),
        (mean.exp(), "That is the perplexity: leave out exp."),
        *((-(probs + 10.0**-n).log().mean(), added) for n in range(5, 41)),
        *((-probs.clamp(min=10.0**-n).log().mean(), added) for n in range(5, 38)),
        (-(-picked).log().mean(), again),
        *([(math.nan, again)] if answer.uses("log_softmax") else []),
        *(
            [(answer.probe(case, targets), clamped)]
            if large and any(map(answer.uses, _CLAMPS))
            else []
        ),
    ]


def is_torchs_own(answer: Answer) -> bool:
    """Say whether the function hands the work to F.cross_entropy or nn.CrossEntropyLoss."""
    return any(map(answer.takes, ("cross_entropy", "CrossEntropyLoss")))


def _on_the_sign(answer: Answer) -> str:
    """Advise on a missing minus sign; on one place, the logarithm of the mean looks the same."""
    case, targets = logits(_TWO_PLACES[0]), torch.tensor(_TWO_PLACES[1], device="cpu")
    got = answer.probe(case, targets)
    log_of_mean = float(case.softmax(-1).gather(-1, targets[..., None]).mean().log())
    try:
        both = math.isclose(got, log_of_mean, rel_tol=1e-4)
    except Exception:  # no number at all
        both = False
    if both:
        return "Two steps: the minus sign, and the logarithm of each probability before the mean."
    return "The sign is turned round: the mean of minus the logarithms."
