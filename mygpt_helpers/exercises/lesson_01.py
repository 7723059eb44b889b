"""The exercises of lesson 01: logits, probabilities, the next token and a phrase."""

import math
from random import Random

import torch

from .answer import Answer
from .core import Exercise
from .tensors import judge, judge_number, logits, many_logits, small_first, without_keepdim


def softmax(logits: torch.Tensor) -> torch.Tensor:
    """Turn logits (..., V) into probabilities (..., V) over the last dimension."""
    largest = logits.max(dim=-1, keepdim=True).values  # (..., 1)
    weights = torch.exp(logits - largest)  # (..., V), none above 1
    return weights / weights.sum(dim=-1, keepdim=True)


def _check_softmax(answer: Answer) -> str:
    far = logits([[0.0, 1.0], [-2000.0, -2001.0]])
    extreme = [logits([1000.0, 0.0]), logits([1000.0, 1000.0]), far]
    for case in small_first([*many_logits(), *extreme]):
        judge(answer(case), torch.softmax(case.double(), -1), _softmax_mistakes, case)
    return "flat, peaked, tied and huge logits, alone and in batches"


def _softmax_mistakes(case: torch.Tensor) -> list[tuple[object, str]]:
    powers = case.exp()
    shifted = (case - case.max()).exp()
    own = (case - case.amax(-1, keepdim=True)).exp()
    keep = "Keep the dimension you sum over: keepdim=True."
    too_large = "exp(1000) is infinite in float32. Subtract the largest logit of each row first."
    return [
        (shifted / shifted.sum(-1, keepdim=True), "Subtract each row's own largest logit."),
        (powers / powers.sum(-1, keepdim=True), too_large),
        (powers, "Each row has to sum to 1: divide by the sum of its powers."),
        (shifted, "Each row has to sum to 1: divide by the sum of its powers."),
        (shifted / shifted.sum(), "Sum over the last dimension only: sum(dim=-1, keepdim=True)."),
        (torch.softmax(case, 0), "That sums over dim=0; the vocabulary is the last, dim=-1."),
        (without_keepdim(shifted), keep),
        (without_keepdim(own), keep),
        (torch.log_softmax(case, -1), "Those are the logarithms of the probabilities."),
    ]


def next_token_id(logits: torch.Tensor) -> torch.Tensor:
    """Return the id (B,) of the top token after the last position of logits (B, T, V)."""
    return logits[:, -1, :].argmax(dim=-1)  # (B, V) -> (B,)


def _check_next_token_id(answer: Answer) -> str:
    random = Random(0)
    for shape in ((1, 2, 3), (1, 1, 4), (2, 2, 3), (3, 2, 4), (2, 5, 7), (4, 3, 50)):
        for _ in range(3):
            count = math.prod(shape)
            values = random.sample(range(count), count)  # no two alike: one right answer
            case = logits([value - count // 2 for value in values]).reshape(shape)
            judge(answer(case), case[:, -1].argmax(-1), _next_id_mistakes, case)
    return "one text and many, one position and many"


def _next_id_mistakes(case: torch.Tensor) -> list[tuple[object, str]]:
    return [
        (case[:, 0].argmax(-1), "That reads position 0; the next token comes after -1."),
        (case.argmax(-1), "That is one id for every position: take the last, [:, -1]."),
        (case.argmax(1), "dim=1 is the position; the vocabulary is the last, dim=-1."),
        (case.argmax(), "Without dim, argmax counts through the whole tensor: dim=-1."),
        (case[:, -1].argmax(), "Look over the last dimension: argmax(dim=-1)."),
        (case.reshape(-1).argmax(0, True), "That counts through the whole tensor: dim=-1."),
        (case[:, -1].amax(-1), "That is the top logit; its id is asked for: argmax."),
        (case[:, -1].argmax(-1).double(), "Ids are whole numbers: leave argmax's int64 alone."),
        (case[:, -1].argmax(-1, True), "One id for each text: (B,) has no 1 at the end."),
    ]


def phrase_log_prob(logits: torch.Tensor, ids: torch.Tensor, prompt_len: int) -> torch.Tensor:
    """Return the log-probability of ids[prompt_len:] after ids[:prompt_len].

    logits: (T, V), those at position t score the token at t + 1. ids: (T,).
    """
    log_probs = torch.log_softmax(logits, dim=-1)  # (T, V)
    scored = log_probs[prompt_len - 1 : -1]  # (T - prompt_len, V): one position earlier
    return scored.gather(-1, ids[prompt_len:, None]).sum()


def _check_phrase_log_prob(answer: Answer) -> str:
    random = Random(0)
    lengths = [(2, 1), (3, 1), (3, 2), (4, 4), (6, 2), (20, 7)]  # (T, prompt_len)
    runs = [(count, start, size, 2) for count, start in lengths for size in (2, 3, 11)]
    for count, start, size, scale in [*runs, (4, 1, 3, 300)]:
        values = [round(random.gauss(0, scale), 1) for _ in range(count * size)]
        case = logits(values).reshape(count, size)
        ids = torch.tensor([random.randrange(size) for _ in range(count)], device="cpu")
        if scale == 300:  # each next token is one that softmax rounds to 0
            ids[1:] = case.argmin(-1)[:-1]
        log_probs = torch.log_softmax(case.double(), -1)
        want = sum(float(log_probs[t - 1, ids[t]]) for t in range(start, count))
        judge_number(answer(case, ids, start), want, _phrase_mistakes, case, ids, start, want)
    return "short and long phrases, flat and very peaked logits, an empty phrase"


def _phrase_mistakes(
    case: torch.Tensor, ids: torch.Tensor, start: int, want: float
) -> list[tuple[object, str]]:
    log_probs = torch.log_softmax(case.double(), -1)
    steps = range(start, len(ids))
    parts = [float(log_probs[t - 1, ids[t]]) for t in steps]
    return [
        (
            sum(float(log_probs[t, ids[t]]) for t in steps),
            "Off by one: the logits at position t score the token at t + 1.",
        ),
        (
            sum(float(case[t - 1, ids[t]]) for t in steps),
            "Those are logits. Turn them into log-probabilities first: log_softmax.",
        ),
        (
            sum(float(log_probs[t - 1, ids[t]]) for t in range(1, len(ids))),
            "The prompt's own tokens do not count: begin at ids[prompt_len].",
        ),
        (sum(map(math.exp, parts)), "Those are probabilities: sum their logarithms."),
        (math.exp(want), "That is the probability; its logarithm is asked for."),
        (-want, "The sign is turned round: a log-probability is at most 0."),
        (want / max(1, len(parts)), "That is the mean; the sum is asked for."),
        (-math.inf, "softmax gave 0, whose log is -inf: log_softmax does both in one step."),
    ]


def entropy_nats(probs: torch.Tensor) -> torch.Tensor:
    """Return the entropy (...), in nats, of the distributions in probs (..., V)."""
    return -torch.xlogy(probs, probs).sum(dim=-1)  # xlogy(0, 0) is 0


def _check_entropy(answer: Answer) -> str:
    zeros = [logits([1.0, 0.0]), logits([0.5, 0.5, 0.0]), logits([[1.0, 0.0], [0.5, 0.5]])]
    cases = [torch.softmax(case, -1) for case in many_logits()]
    for case in small_first([*cases, *zeros]):
        judge(answer(case), _nats(case), _entropy_mistakes, case)
    return "sure and unsure distributions, zeros among them"


def _nats(case: torch.Tensor) -> torch.Tensor:
    return torch.special.entr(case.double()).sum(-1)


def _entropy_mistakes(case: torch.Tensor) -> list[tuple[object, str]]:
    nats = _nats(case)
    return [
        (nats / math.log(2), "That is in bits: take the natural logarithm, torch.log."),
        (-nats, "The sign is turned round: an entropy is never below 0."),
        (nats.sum(), "Sum over the last dimension only: one entropy for each distribution."),
        (-(case * case.log()).sum(-1), "0 * log(0) is NaN in floats, and has to count as 0."),
        (torch.special.entr(case), "Those are the parts: sum them over the last dimension."),
    ]


def _sum_of_all(logits: torch.Tensor) -> torch.Tensor:
    return torch.softmax(logits.flatten(), dim=0).reshape(logits.shape)


def _no_keepdim(logits: torch.Tensor) -> torch.Tensor:
    weights = (logits - logits.max()).exp()
    return weights / weights.sum(-1)


def _one_largest(logits: torch.Tensor) -> torch.Tensor:
    weights = (logits - logits.max()).exp()
    return weights / weights.sum(-1, keepdim=True)


def _with_zeros(probs: torch.Tensor) -> torch.Tensor:
    return -(probs * probs.log()).sum(dim=-1)


def _log_of_softmax(logits: torch.Tensor, ids: torch.Tensor, start: int) -> torch.Tensor:
    probs = torch.softmax(logits, dim=-1)
    return probs[start - 1 : -1].gather(-1, ids[start:, None]).log().sum()


def _off_by_one(logits: torch.Tensor, ids: torch.Tensor, start: int) -> torch.Tensor:
    return torch.log_softmax(logits, dim=-1)[start:].gather(-1, ids[start:, None]).sum()


def _sum_of_probs(logits: torch.Tensor, ids: torch.Tensor, start: int) -> torch.Tensor:
    return torch.softmax(logits, dim=-1)[start - 1 : -1].gather(-1, ids[start:, None]).sum()


def _sum_of_logits(logits: torch.Tensor, ids: torch.Tensor, start: int) -> torch.Tensor:
    return logits[start - 1 : -1].gather(-1, ids[start:, None]).sum()


def _wrong_phrase(logits: torch.Tensor, ids: torch.Tensor, start: int) -> torch.Tensor:
    return phrase_log_prob(logits, ids, 1)


EXERCISES = (
    Exercise(
        name="01.next_id",
        title="The prediction",
        difficulty=1,
        minutes=4,
        task="Return the id (B,) of the top token after the last position of logits (B, T, V).",
        check=_check_next_token_id,
        hints=(
            "The scores for the next token stand at the last position, which is number -1.",
            "logits[:, -1] has shape (B, V): one row of scores for each text.",
            "argmax(dim=-1) gives the place of the largest score in each row.",
        ),
        solution=next_token_id,
        why="Only the last position has seen the whole text, and a token's id is its place in "
        "the last dimension.",
        wrong=(
            (lambda logits: logits[:, 0].argmax(-1), "position 0"),
            (lambda logits: logits.argmax(1), "dim=1 is the position"),
            (lambda logits: logits.argmax(), "whole tensor"),
            (lambda logits: logits.argmax(-1), "one id for every position"),
            (lambda logits: logits[:, -1].max(-1).values, "its id is asked for"),
            (lambda logits: logits[:, -1].topk(1).indices, "(B,)"),
        ),
        imports="import torch",
    ),
    Exercise(
        name="01.softmax",
        title="Softmax that does not overflow",
        difficulty=2,
        minutes=6,
        task="Turn logits (..., V) into probabilities over the last dimension; logits of 1000 too.",
        check=_check_softmax,
        hints=(
            "Raise e to each logit (torch.exp) and divide by the sum of these powers.",
            "Sum over the last dimension and keep it for dividing: sum(dim=-1, keepdim=True).",
            "A constant added to a row changes nothing: subtract the row's largest logit first.",
        ),
        solution=softmax,
        why="Subtracting a constant from every logit of a row leaves the probabilities as they "
        "are, and with the largest logit at 0 no power can overflow.",
        wrong=(
            (lambda logits: logits.exp() / logits.exp().sum(-1, keepdim=True), "infinite"),
            (_sum_of_all, "last dimension only"),
            (lambda logits: torch.softmax(logits, dim=0), "dim=0"),
            (_no_keepdim, "keepdim=True"),
            (lambda logits: torch.exp(logits), "Each row has to sum to 1"),
            (_one_largest, "own largest logit"),
        ),
        imports="import torch",
    ),
    Exercise(
        name="01.phrase",
        title="How likely is a phrase?",
        difficulty=2,
        minutes=8,
        task="Sum the log-probabilities of the ids after the first prompt_len; "
        "the logits (T, V) at position t score the token at t + 1.",
        check=_check_phrase_log_prob,
        hints=(
            "torch.log_softmax(logits, dim=-1) gives log-probabilities, (T, V).",
            "The token at position prompt_len is scored by the row before it, prompt_len - 1.",
            "In a loop: total += log_probs[t - 1, ids[t]] for t from prompt_len to the end.",
        ),
        solution=phrase_log_prob,
        why="A product of probabilities is a sum of their logarithms, and each token's own "
        "probability stands one position before it.",
        wrong=(
            (_off_by_one, "Off by one"),
            (_sum_of_probs, "Those are probabilities"),
            (_sum_of_logits, "Those are logits"),
            (_log_of_softmax, "log_softmax does both"),
            (_wrong_phrase, "prompt's own tokens"),
            (lambda logits, ids, prompt_len: logits.sum(-1), "not one number"),
        ),
        imports="import torch",
    ),
    Exercise(
        name="01.entropy",
        title="How unsure?",
        difficulty=2,
        minutes=5,
        task="Return the entropy (...) in nats of probs (..., V): minus the sum of p * log(p), "
        "where p = 0 counts as 0.",
        check=_check_entropy,
        hints=(
            "Multiply each probability by its natural logarithm and sum over the last dimension.",
            "torch.log(0) is -inf, and 0 * -inf is NaN: treat the zeros apart.",
            "torch.xlogy(p, p) is p * log(p), and 0 where p is 0. Mind the minus sign.",
        ),
        solution=entropy_nats,
        why="p * log(p) goes to 0 as p does, so a token that cannot come adds nothing; xlogy "
        "knows this, and plain multiplication does not.",
        wrong=(
            (_with_zeros, "has to count as 0"),
            (lambda probs: -torch.xlogy(probs, probs).sum(-1) / math.log(2), "in bits"),
            (lambda probs: torch.xlogy(probs, probs).sum(-1), "sign is turned round"),
            (lambda probs: -torch.xlogy(probs, probs).sum(), "last dimension only"),
        ),
        imports="import torch",
    ),
)
