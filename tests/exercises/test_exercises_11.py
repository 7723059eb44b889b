"""The exercises of lesson 11: what each mistake is told, and answers nobody expected."""

import inspect
import math
import subprocess
import sys

import numpy
import pytest
import torch
import torch.nn.functional as F

from mygpt_helpers import GPT, cycle_corpus, get_batch
from mygpt_helpers.exercises import evaluate, exercises
from mygpt_helpers.exercises.answer import Answer

BATCH, ENTROPY, STEP = exercises("11")
batch_at, cross_entropy, train_step = (exercise.solution for exercise in (BATCH, ENTROPY, STEP))


def told(name, answer, *fragments, status="wrong"):
    """Assert that an answer gets this status, and a short message that holds the fragments."""
    outcome = evaluate(name, answer)
    assert outcome.status == status, outcome.message
    text = " ".join(outcome.message.split())
    for fragment in fragments:
        assert fragment in text, outcome.message
    lines = outcome.message.splitlines()
    assert len(lines) <= 9 and max(map(len, lines)) < 100
    assert outcome == evaluate(name, answer)


def right(name, answer):
    outcome = evaluate(name, answer)
    assert outcome.status == "right", outcome.message


def test_the_lead_can_rely_on_these_names():
    rows = [(e.name, e.title, e.difficulty, e.minutes, e.call) for e in exercises("11")]
    assert rows == [
        ("11.batch", "A batch", 1, 5, "batch_at(data, starts, seq_len)"),
        ("11.cross_entropy", "Cross entropy by hand", 2, 6, "cross_entropy(logits, targets)"),
        ("11.step", "One step of training", 2, 8, "train_step(model, optimizer, inputs, targets)"),
    ]
    assert all(len(e.hints) == 3 and len(e.wrong) >= 4 for e in exercises("11"))


# --- 11.batch -----------------------------------------------------------------------------------


def places(starts, count):
    return starts[:, None] + torch.arange(count)


def rows(data, starts, count):
    return torch.stack([data[start : start + count] for start in starts])


def test_the_solution_cuts_what_get_batch_cuts():
    data = torch.randperm(100, generator=torch.Generator().manual_seed(0))
    torch.manual_seed(42)
    want = get_batch(data, 4, 8)
    torch.manual_seed(42)
    starts = torch.randint(0, 100 - 8 - 1, (4,))
    assert all(map(torch.equal, batch_at(data, starts, 8), want))


@pytest.mark.parametrize(
    "answer",
    [
        lambda data, at, n: (rows(data, at, n), rows(data, at + 1, n)),
        lambda data, at, n: (rows(data, at, n + 1)[:, :-1], rows(data, at, n + 1)[:, 1:]),
        lambda data, at, n: (data.unfold(0, n, 1)[at], data.unfold(0, n, 1)[at + 1]),
        lambda data, at, n: tuple(
            torch.tensor([data[i + k : i + k + n].tolist() for i in at.tolist()]) for k in (0, 1)
        ),
    ],
)
def test_other_ways_to_cut_are_right(answer):
    right("11.batch", answer)


@pytest.mark.parametrize(
    "answer, fragments",
    [
        (lambda d, at, n: (rows(d, at, n),) * 2, ["targets: the values", "the inputs again"]),
        (lambda d, at, n: (rows(d, at, n), rows(d, at - 1, n)), ["Shifted the wrong way"]),
        (lambda d, at, n: (rows(d, at, n), rows(d, at, n).roll(1, 1)), ["Rolled the wrong way"]),
        (
            lambda d, at, n: (rows(d, at, n), rows(d, at, n).roll(-1, 1)),
            ["wraps round", "expected: tensor([[4, 6, 1], [9, 4, 6]])"],
        ),
        (lambda d, at, n: (rows(d, at, n), rows(d, at, n).roll(-1)), ["targets: the values"]),
        (lambda d, at, n: (d[at[0] :][:n], d[at[0] + 1 :][:n]), ["inputs: the shape", "only the"]),
        (lambda d, at, n: batch_at(d, at[:1], n), ["only the first start is used"]),
        (lambda d, at, n: (rows(d, at, n), d[at + n]), ["shape (2,)", "not the last alone"]),
        (lambda d, at, n: (rows(d, at, n), d[at + n][:, None]), ["(2, 1)", "not the last alone"]),
        (lambda d, at, n: ([d[i : i + n] for i in at],) * 2, ["a list, not a tensor", "stack"]),
        (lambda d, at, n: (rows(d, at, n), rows(d, at + 1, n).tolist()), ["targets: a list"]),
        (lambda d, at, n: batch_at(d, at, n)[::-1], ["inputs and targets are swapped"]),
        (
            lambda d, at, n: [*batch_at(d, at, n)],
            ["not a pair", "(list)", "return inputs, targets"],
        ),
        (lambda d, at, n: torch.stack(batch_at(d, at, n)), ["not a pair", "(int64 tensor)"]),
        (lambda d, at, n: rows(d, at, n), ["not a pair"]),
        (lambda d, at, n: (*batch_at(d, at, n), at), ["not a pair"]),
        (lambda d, at, n: (rows(d, at, n + 1),) * 2, ["T + 1 ids", "[:, :-1]"]),
        (lambda d, at, n: (rows(d, at, n), rows(d, at, n + 1)), ["T + 1 ids", "[:, 1:]"]),
        (lambda d, at, n: (rows(d, at, n)[:, :-1], rows(d, at, n)[:, 1:]), ["One id short"]),
        (lambda d, at, n: (rows(d, at, n), rows(d, at, n)[:, 1:]), ["targets", "the shape is"]),
        (lambda d, at, n: (rows(d, at + 1, n), rows(d, at + 1, n)), ["at the starts themselves"]),
        (lambda d, at, n: (rows(d, at, n), rows(d, at + 2, n)), ["Shifted by two"]),
        (lambda d, at, n: (rows(d, at, n), d[at[:, None] + n + 3 + torch.arange(n)]), None),
        (lambda d, at, n: tuple(x.T for x in batch_at(d, at, n)), ["Each text is a row"]),
        (lambda d, at, n: tuple(x.flatten() for x in batch_at(d, at, n)), ["torch.cat glues"]),
        (lambda d, at, n: tuple(x.float() for x in batch_at(d, at, n)), ["dtype", "float32"]),
        (lambda d, at, n: (rows(d, at, n), batch_at(d, at, n)[1].double()), ["targets: the dtype"]),
        (lambda d, at, n: (d[at : at + n], d[at + 1 : at + 1 + n]), ["A slice takes one start"]),
        (lambda d, at, n: (d[at + torch.arange(n)],) * 2, ["do not add up", "starts[:, None]"]),
        (lambda d, at, n: (rows(d, at, n), rows(d, at + 5, n)), ["Rows of several lengths"]),
        (lambda d, at, n: (None, None), ["inputs: the result is not a tensor", "None (NoneType)"]),
        (lambda d, at, n: ("a", "b"), ["inputs: the result is not a tensor"]),
        (
            lambda d, at, n: tuple(x.numpy() for x in batch_at(d, at, n)),
            ["inputs: the result is not a tensor", "ndarray"],
        ),
        (lambda d, at: None, ["(data, starts, seq_len)"]),
        (lambda d, at, n: (places(at, n), places(at, n) + 1), ["stand at data[places]."]),
        (lambda d, at, n: (d[places(at, n)], places(at, n) + 1), ["stand at data[places + 1]"]),
        (
            lambda d, at, n: (rows(d, at, n), rows(d, at, n) + 1),
            ["The next place, not the next id"],
        ),
        (lambda d, at, n: (at, at + 1), ["inputs: the shape", "These are the starts"]),
        (lambda d, at, n: (d[at], d[at + 1]), ["inputs: the shape", "one id for each start"]),
        (lambda d, at, n: (rows(d, at, n), d[at + 1]), ["targets: the shape", "one id for each"]),
        (
            lambda d, at, n: (rows(d, at, n + 1)[:-1], rows(d, at, n + 1)[1:]),
            ["inputs: the shape", "That cuts the batch: [:, :-1]"],
        ),
        (
            lambda d, at, n: (rows(d, at, n), rows(d, at, n + 1)[1:]),
            ["targets: the shape", "That cuts the batch: [:, 1:]"],
        ),
        (lambda d, at, n: tuple(x.float() for x in batch_at(d, at, n)), ["dtype=torch.long"]),
        (lambda d, at, n: (rows(d, at, n), rows(d, at + 1, n).half()), ["dtype=torch.long"]),
        (lambda d, at, n: (rows(d, range(len(at)), n),) * 2, ["begin at 0, 1, 2, ..."]),
        (
            lambda d, at, n: (rows(d, at, n), rows(d, range(1, len(at) + 1), n)),
            ["targets: the values", "for start in starts"],
        ),
        (
            lambda d, at, n: (torch.tensor([d[i : i + n] for i in at]),) * 2,
            ["torch.tensor cannot join tensors: torch.stack(rows) can"],
        ),
        (lambda d, at, n: (torch.tensor(d[at : at + n]),) * 2, ["A slice takes one start"]),
        (lambda d, at, n: (d[range(at, at + n)],) * 2, ["A slice takes one start"]),
        (lambda d, at, n: (rows(d, at, n), rows(d, at + n, n)), ["Shifted by seq_len"]),
        (
            lambda d, at, n: (d[places(at, n)], d[places(at, n) + n]),
            ["targets: the values", "at start + 1"],
        ),
        (lambda d, at, n: (torch.stack(d[0:n]),) * 2, ["takes a list of rows"]),
        (
            lambda d, at, n: (torch.stack([d[i : i + n].tolist() for i in at]),) * 2,
            ["leave each row a tensor"],
        ),
        (lambda d, at, n: tuple(x.tolist() for x in batch_at(d, at, n)), ["torch.tensor(rows)"]),
        (lambda d, at, n: (rows(d, at, n), (rows(d, at, n) + 1) % 4), ["not by counting"]),
        (
            lambda d, at, n: (rows(d, at, n), (rows(d, at, n) + 1) % (d.max() + 1)),
            ["targets: the values", "Take the next id from the data, not by counting"],
        ),
        (
            lambda d, at, n: get_batch(d, len(at), n),
            ["get_batch draws starts of its own: use the starts you are given."],
        ),
        (lambda d, at, n: get_batch(d, 4, 8), ["ValueError", "use the starts you are given."]),
        (
            lambda d, at, n: batch_at(d, torch.randint(len(d) - n, at.shape), n),
            ["randint draws starts of its own"],
        ),
    ],
)
def test_each_mistake_of_the_batch_is_named(answer, fragments):
    if fragments is None:  # reads past the end of data: an error of the learner's code
        told("11.batch", answer, "IndexError", status="raised")
    else:
        told("11.batch", answer, *fragments)


def test_drawn_starts_are_named_where_the_first_draw_is_right():
    calls = []

    def lucky(data, starts, seq_len):
        calls.append(starts)
        return batch_at(data, starts, seq_len) if len(calls) < 2 else get_batch(data, 2, seq_len)

    outcome = evaluate("11.batch", lucky)
    assert "use the starts you are given" in outcome.message, outcome.message


def test_only_the_first_rows_right_is_not_enough():
    def short(data, starts, seq_len):
        inputs, targets = batch_at(data, starts, seq_len)
        targets[-1, -1] = 0 if len(starts) == 16 else targets[-1, -1]
        return inputs, targets

    told("11.batch", short, "targets: the values are not right", "at [15, 31]")


def test_a_roll_is_found_though_on_the_cycle_it_is_right():
    data, starts = cycle_corpus(4), torch.tensor([0, 5])
    inputs, targets = batch_at(data, starts, 4)
    assert torch.equal(inputs.roll(-1, 1), targets)


def test_data_changed_in_place_is_named():
    def shifting(data, starts, seq_len):
        pair = batch_at(data, starts, seq_len)
        data += 1
        return pair

    told("11.batch", shifting, "changed its argument `data`", "Other batches")


# --- 11.cross_entropy ---------------------------------------------------------------------------


def picked(log_probs, targets):
    return log_probs.gather(-1, targets[..., None])[..., 0]


def test_the_solution_gives_known_numbers():
    even = torch.zeros(2, 3, 4)
    ids = torch.tensor([[0, 1, 2], [3, 0, 1]])
    assert cross_entropy(even, ids).item() == pytest.approx(math.log(4))
    near = cross_entropy(torch.tensor([[[1000.0, -1000.0]]]), torch.tensor([[1]]))
    assert near.item() == 2000
    case = torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(0))
    assert torch.isclose(cross_entropy(case, ids), GPT.loss(case, ids))


def in_plain_python(logits, targets):
    total = 0.0
    for row, ids in zip(logits.tolist(), targets.tolist(), strict=True):
        for scores, target in zip(row, ids, strict=True):
            largest = max(scores)
            total += math.log(sum(math.exp(z - largest) for z in scores)) + largest - scores[target]
    return total / targets.numel()


def changed_in_place(logits, targets):
    logits -= logits.amax(-1, keepdim=True)
    return picked(logits.logsumexp(-1, keepdim=True) - logits, targets).mean()


@pytest.mark.parametrize(
    "answer",
    [
        GPT.loss,
        in_plain_python,
        changed_in_place,
        lambda z, ids: F.cross_entropy(z.transpose(1, 2), ids),
        lambda z, ids: F.nll_loss(z.log_softmax(-1).flatten(0, 1), ids.flatten()),
        lambda z, ids: cross_entropy(z, ids).item(),
        lambda z, ids: cross_entropy(z.double(), ids).numpy()[()],
        lambda z, ids: (z.logsumexp(-1) - picked(z, ids)).mean(),
        lambda z, ids: -(F.one_hot(ids, z.shape[-1]) * z.log_softmax(-1)).sum(-1).mean(),
    ],
)
def test_other_ways_to_the_cross_entropy_are_right(answer):
    right("11.cross_entropy", answer)


def logs(logits, targets):
    return picked(logits.log_softmax(-1), targets)


def by_exp(logits, targets):
    powers = logits.exp()
    return -picked(powers / powers.sum(-1, keepdim=True), targets).log().mean()


def by_exp_without_nan(logits, targets):
    powers = logits.exp()
    probs = torch.nan_to_num(powers / powers.sum(-1, keepdim=True))
    return -picked(probs, targets).log().mean()


def of_those_above_0(logits, targets):
    probs = picked(logits.softmax(-1), targets)
    return -probs[probs > 0].log().mean()


def where_above_0(logits, targets):
    probs = picked(logits.softmax(-1), targets)
    return -torch.where(probs > 0, probs.log(), 0).mean()


def by_math(logits, targets):
    probs = picked(logits.softmax(-1), targets).flatten()
    return -sum(math.log(p) for p in probs) / len(probs)


def by_math_exp(logits, targets):
    total = 0.0
    for row, target in zip(logits.flatten(0, 1), targets.flatten(), strict=True):
        powers = [math.exp(z) for z in row]
        total -= math.log(powers[target] / sum(powers))
    return total / targets.numel()


NO_COLUMN = "targets[..., None] is (B, T, 1)"
BATCH_INDEXED = "[targets] indexes the batch, not the vocabulary: gather(-1, targets[..., None])"
TWICE = "Softmax twice: F.cross_entropy and log_softmax take logits, and do it themselves"
CLAMPED = "Clamped logits are other logits"
OVER_ALL = "Logits are no probabilities, and the target's alone counts"
TWO_PLACES = "logits: tensor([[[1.0, 2.0], [0.5, 0.0]]])"


@pytest.mark.parametrize(
    "answer, fragments",
    [
        (lambda z, ids: -logs(z, ids).sum(), ["That is the sum", TWO_PLACES]),
        (lambda z, ids: F.cross_entropy(z.mT, ids, reduction="sum"), ["That is the sum"]),
        (lambda z, ids: -logs(z, ids).sum(1).mean(), [TWO_PLACES, "That is the sum"]),
        (lambda z, ids: -logs(z, ids).sum(0).mean(), ["take the mean over all B x T places"]),
        (lambda z, ids: -picked(z.log_softmax(0), ids).mean(), ["softmax over dim=-1"]),
        (lambda z, ids: -picked(z.log_softmax(1), ids).mean(), ["softmax over dim=-1"]),
        (lambda z, ids: logs(z, ids).mean(), ["sign is turned round", "got: -0.3133"]),
        (lambda z, ids: -z.log_softmax(-1).mean(), ["mean over all V entries: pick"]),
        (
            lambda z, ids: -(F.one_hot(ids, z.shape[-1]) * z.log_softmax(-1)).mean(),
            ["divide by B x T, not B x T x V"],
        ),
        (lambda z, ids: logs(z, ids).exp().mean(), ["Those are probabilities"]),
        (lambda z, ids: -logs(z, ids).exp().mean(), ["Those are probabilities"]),
        (lambda z, ids: -logs(z, ids).exp().mean().log(), ["First the logarithm", TWO_PLACES]),
        (lambda z, ids: -logs(z, ids).mean() / math.log(2), ["bits"]),
        (lambda z, ids: -logs(z, ids).mean() / math.log(10), ["powers of ten"]),
        (lambda z, ids: -logs(z, ids)[:, -1].mean(), ["last position alone", TWO_PLACES]),
        (lambda z, ids: -logs(z, ids)[0].mean(), ["first text alone"]),
        (lambda z, ids: (z.argmax(-1) == ids).float().mean(), ["how often the top token"]),
        (lambda z, ids: -picked(z, ids).mean(), ["Those are logits"]),
        (lambda z, ids: cross_entropy(z, ids).exp(), ["perplexity"]),
        (lambda z, ids: -z.log_softmax(-1)[..., ids].mean(), ["pairs each place with all"]),
        (
            lambda z, ids: -logs(z, ids),
            ["not one number", "expected: one number", "all B x T places"],
        ),
        (lambda z, ids: F.cross_entropy(z, ids), ["raised an error", "logits.flatten(0, 1)"]),
        (lambda z, ids: F.cross_entropy(z.flatten(0, 1), ids), ["logits.flatten(0, 1)"]),
        (
            lambda z, ids: -z.softmax(-1).gather(-1, ids[..., None]).log().mean(),
            ["got: inf", "log_softmax(logits, dim=-1) does both", "1000.0"],
        ),
        (by_exp, ["the result is NaN", "exp(1000) is infinite"]),
        (
            lambda z, ids: -(picked(z.softmax(-1), ids) + 1e-9).log().mean(),
            ["expected: 2000.0", "The number added, or clamped to, before the logarithm"],
        ),
        (
            lambda z, ids: -picked(z.softmax(-1), ids).clamp(min=1e-12).log().mean(),
            ["expected: 2000.0", "or clamped to, before the logarithm"],
        ),
        (lambda z, ids: "0.3", ["not a number", "expected: one number"]),
        (lambda z, ids: True, ["not a number", "expected: one number"]),
        (lambda z, ids: numpy.ones((1, 2)), ["not a number", "ndarray"]),
        (lambda z, ids: [0.3], ["not a number"]),
        (lambda z, ids: -z.softmax(-1).gather(-1, ids).log().mean(), [NO_COLUMN]),
        (lambda z, ids: -z.log_softmax(-1).gather(1, ids).mean(), [NO_COLUMN]),
        (lambda z, ids: -z.log_softmax(-1).gather(ids).mean(), ["The dimension comes first"]),
        (lambda z, ids: -z.log_softmax(-1).gather(-1, ids[:, None]).mean(), ["is (B, 1, T)"]),
        (lambda z, ids: -z.softmax(-1)[ids].log().mean(), [BATCH_INDEXED]),
        (lambda z, ids: -z.log_softmax(-1)[ids].mean(), [BATCH_INDEXED]),
        (lambda z, ids: -z.log_softmax(-1)[range(len(ids)), ids].mean(), [BATCH_INDEXED]),
        (
            lambda z, ids: -z.log_softmax(-1).gather(1, ids[..., None]).mean(),
            ["RuntimeError", "dim=-1 is the vocabulary: gather(-1, targets[..., None])"],
        ),
        (lambda z, ids: -z.log_softmax(-1).gather(0, ids[..., None]).mean(), ["dim=-1 is the voc"]),
        (lambda z, ids: cross_entropy(z.softmax(-1), ids), [TWICE]),
        (lambda z, ids: GPT.loss(z.softmax(-1), ids), ["F.cross_entropy and log_softmax take"]),
        (lambda z, ids: -picked(z.softmax(-1).softmax(-1), ids).log().mean(), [TWICE]),
        (lambda z, ids: -picked(z.log(), ids).mean(), ["Logits are no probabilities"]),
        (lambda z, ids: -picked(z.log_softmax(-1).log(), ids).mean(), ["NaN", "no second log"]),
        (lambda z, ids: -(-logs(z, ids)).log().mean(), ["got: 1.161", "no second log"]),
        (lambda z, ids: -z.log_softmax(-1).amax(-1).mean(), ["the top token's loss", TWO_PLACES]),
        (
            lambda z, ids: torch.nan_to_num(-picked(z.softmax(-1), ids).log()).mean(),
            ["got: 3.403e+38", "nan_to_num hides the infinity"],
        ),
        (
            lambda z, ids: -picked(torch.nan_to_num(z.softmax(-1).log(), neginf=0), ids).mean(),
            ["got: 0.0", "rounds to 0 counts too"],
        ),
        (by_exp_without_nan, ["got: inf", "exp(1000) is infinite"]),
        (of_those_above_0, ["the result is NaN", "rounds to 0 counts too"]),
        (where_above_0, ["expected: 2000.0", "rounds to 0 counts too"]),
        (lambda z, ids: -math.log(picked(z.softmax(-1), ids).mean()), ["First the logarithm"]),
        (
            lambda z, ids: math.log(picked(z.softmax(-1), ids).mean()),
            ["got: -0.3133", "Two steps: the minus sign, and the logarithm of each"],
        ),
        (lambda z, ids: picked(z.softmax(-1), ids).mean().log(), ["Two steps: the minus sign"]),
        (
            lambda z, ids: -picked(z.softmax(-1), ids).clamp(min=1e-30).log().mean(),
            ["got: 69.08", "or clamped to, before the logarithm"],
        ),
        (by_math, ["math domain error", "A probability of 0 has no logarithm"]),
        (by_math_exp, ["math range error", "exp(1000) is infinite"]),
        (lambda z, ids: (1 - picked(z.softmax(-1), ids)).mean(), ["That is 1 - p"]),
        (lambda z, ids: -(z.softmax(-1) * z.log_softmax(-1)).sum(-1).mean(), ["the entropy"]),
        (
            lambda z, ids: -(F.one_hot(ids) * z.log_softmax(-1)).sum(-1).mean(),
            ["F.one_hot(targets, V)"],
        ),
        (lambda z, ids: cross_entropy(z.clamp(-100, 100), ids), ["got: 200.0", CLAMPED]),
        (lambda z, ids: cross_entropy(z.clip(max=80), ids), ["expected: 2000.0", CLAMPED]),
        (lambda z, ids: GPT.loss(z.clamp_(min=-50), ids), [CLAMPED, "-1000.0"]),
        (lambda z, ids: -z.log().mean(), ["got: -0.3466", OVER_ALL]),
        (lambda z, ids: z.log().mean(), ["got: 0.3466", OVER_ALL]),
    ],
)
def test_each_mistake_of_the_cross_entropy_is_named(answer, fragments):
    told("11.cross_entropy", answer, *fragments)


def test_a_clamp_beside_another_mistake_is_not_blamed():
    outcome = evaluate("11.cross_entropy", lambda z, ids: 3 * cross_entropy(z.clamp(-100), ids))
    assert outcome.status == "wrong" and "lamp" not in outcome.message


def test_torchs_own_function_is_right_and_named():
    def call(logits, targets):
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten())

    def make(logits, targets):
        return torch.nn.CrossEntropyLoss()(logits.flatten(0, 1), targets.flatten())

    def wrapped(logits, targets):
        return cross_entropy(logits, targets)  # the learner's own, of that name

    for answer in (call, make, GPT.loss):
        told("11.cross_entropy", answer, "That is torch's own; by hand: log_soft", status="right")
    for answer in (cross_entropy, wrapped, in_plain_python):
        assert "torch's own" not in evaluate("11.cross_entropy", answer).message


def test_an_error_of_math_names_the_function_of_torch():
    def of_logs(logits, targets):
        return -math.log(picked(logits.softmax(-1), targets))

    def of_powers(logits, targets):
        return -picked(math.exp(logits), targets).mean()

    def of_both(logits, targets):
        return -math.log(math.exp(logits))

    works = "math works on one number; torch"
    told("11.cross_entropy", of_logs, f"{works}.log works on a tensor.", status="raised")
    told("11.cross_entropy", of_powers, f"{works}.exp works on a tensor.", status="raised")
    both = f"{works}.exp and torch.log work on a tensor."
    told("11.cross_entropy", of_both, both, status="raised")


def test_an_index_out_of_bounds_in_a_loop_names_its_line():
    def by_loop(logits, targets):
        total = 0.0
        for t in range(targets.shape[1]):
            for b in range(len(targets)):
                total -= logs(logits, targets)[t, b]
        return total / targets.numel()

    told("11.cross_entropy", by_loop, "IndexError", "line 5 of by_loop", status="raised")


def test_a_sign_turned_round_on_one_place_alone_is_no_logarithm_of_the_mean():
    def fragile(logits, targets):
        if targets.numel() > 1:
            raise ValueError
        return logs(logits, targets).mean()

    told("11.cross_entropy", fragile, "The sign is turned round")


def test_a_loss_that_is_one_for_all_cases_is_wrong():
    told("11.cross_entropy", lambda z, ids: math.log(z.shape[-1]), "the number is not right")
    told("11.cross_entropy", lambda z, ids: 0.31326169, "the number is not right")


# --- 11.step ------------------------------------------------------------------------------------


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


def test_the_solution_trains_as_the_packages_loop_does():
    from mygpt_helpers import train

    losses = []
    for _ in range(2):
        torch.manual_seed(0)
        model = GPT(vocab_size=4, embed_dim=8, num_heads=2, num_layers=1, max_seq_len=8)
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
        torch.manual_seed(42)
        data, sizes = cycle_corpus(), {"batch_size": 4, "seq_len": 8}
        if losses:
            losses.append(train(model, data, optimizer, steps=5, **sizes).losses)
        else:
            batches = (get_batch(data, 4, 8) for _ in range(5))
            losses.append([train_step(model, optimizer, *batch) for batch in batches])
    assert losses[0] == losses[1]


OWN_LOSS = "loss = F.cross_entropy(model(inputs)[0].flatten(0, 1), targets.flatten())"


@pytest.mark.parametrize(
    "source",
    [
        "zero; go; back; step; done",
        "go; zero; back; step; zero; return float(loss)",
        "go; model.zero_grad(); back; step; return loss.tolist()",
        "optimizer.zero_grad(set_to_none=False); go; back; step; done",
        "_, loss = model.forward(inputs, targets); zero; back; step; done",
        "_, loss = model(targets=targets, ids=inputs); zero; back; step; done",
        "go; value = loss.detach().numpy(); zero; back; step; return value[()]",
        "model(inputs); go; zero; back; step; done",
        f"{OWN_LOSS}; zero; back; step; done",
        "print('so far'); go; zero; back; step; done",
        "for p in model.parameters(): p.grad = None; go; back; step; done",
        "was = model.training; model.train(); go; zero; back; step; model.train(was); done",
        "model.train(); go; zero; back; step; done",
        "model.eval(); go; zero; back; step; model.train(); done",
    ],
)
def test_other_ways_to_take_a_step_are_right(source):
    right("11.step", steps(source))


ONE = "_, loss = model(inputs, targets);optimizer.zero_grad();loss.backward();optimizer.step()"
BY_ROW = ONE.replace("inputs, targets", "x[None], y[None]")
SUM = OWN_LOSS.replace("flatten())", "flatten(), reduction='sum')")
CLIP = "torch.nn.utils.clip_grad_"
DRAW = "*get_batch(data, 4, 8)"
DRAWN = "inputs, targets = get_batch(data, 4, 8)"
NEW_BATCH = "ake the inputs and targets you are given, not a new batch."
NO_RETURN = "Some way through the function reaches its end without a `return`."
APPENDED = "`append` returns None"
ROUNDED = "That is rounded: return the number as it is."
NO_LOOP = "One step on this batch: no loop."
ALL_AT_ONCE = "The model takes the whole batch at once"
CLIPPED = "leave clipping out"
FIRST = ["optimizer: SGD(lr=0.5)", "inputs: tensor([[1, 0]])", "targets: tensor([[0, 1]])"]


@pytest.mark.parametrize(
    "source, fragments",
    [
        ("go; back; step; done", ["after step 2", "backward adds to what stands"]),
        ("go; back; step; zero; done", ["table.weight after step 1", "from before the call"]),
        (f"{OWN_LOSS}; back; step; done", ["after step 2", "backward adds to what stands"]),
        ("_, loss = model.forward(inputs, targets); back; step; done", ["backward adds to what"]),
        ("go; zero; step; done", ["no parameter has moved", "loss.backward() is"]),
        ("go; zero; back; done", ["without optimizer.step()", *FIRST]),
        ("go; done", ["no parameter has moved in step 1", "optimizer.step()"]),
        ("go; back; zero; step; done", ["throws the new gradients away"]),
        ("go; zero; step; back; done", ["loss.backward() comes before it"]),
        ("go; step; back; zero; done", ["loss.backward() comes before it"]),
        ("go; zero; back; step; step; done", ["took 2 steps"]),
        (
            "go; zero; loss.backward(retain_graph=True); back; step; done",
            ["ran 2 times", "add up"],
        ),
        ("go; zero; back; back; step; done", ["once for each loss"]),
        ("go; zero; back; step; return loss", ["a tensor, not a float", "its whole graph"]),
        ("go; zero; back; step; return loss.detach()", ["a tensor, not a float", "loss.item()"]),
        (
            "go; zero; back; step; go; done",
            ["expected: 2.396", "That is the loss after the step", *FIRST],
        ),
        ("z, loss = model(inputs, targets); zero; back; step; return z", ["Those are the logits"]),
        ("go; zero; back; step; return _, loss", ["Return the loss alone"]),
        ("go; zero; back; step", ["train_step returned None", "without a `return`"]),
        ("model.eval(); go; zero; back; step; done", ["the model's mode", *FIRST]),
        ("_, loss = model(inputs); zero; back; step; done", ["the loss is None"]),
        ("_, loss = model(inputs); done", ["Without targets the loss is None"]),
        ("_, loss = model(targets, inputs); zero; back; step; done", ["come first"]),
        (
            "_, loss = model(inputs[:1, :1], targets[:1, :1]); zero; back; step; done",
            ["that is not the loss before the step", "given something else"],
        ),
        ("loss = model(inputs, targets); zero; back; step", ["returns two things"]),
        ("loss = model(inputs, targets).loss; zero; back", ["returns two things"]),
        ("loss = F.cross_entropy(model(inputs), targets); zero; back", ["returns two things"]),
        ("loss, _ = model(inputs, targets); zero; back; step", ["starts from one number"]),
        (
            "go; loss = loss.item(); zero; back; step; return loss",
            [".item() leaves a plain number"],
        ),
        (
            "with torch.no_grad(): _, loss = model(inputs, targets); zero; back; step",
            ["The way back to the parameters is cut"],
        ),
        (
            "with torch.inference_mode(): _, loss = model(inputs, targets); zero; back; step",
            ["The way back to the parameters is cut"],
        ),
        (
            "go; own = torch.optim.SGD(model.parameters(), lr=0.1); zero; back; own.step(); done",
            ["Let the optimizer that is passed in"],
        ),
        ("return 1.0", ["that is not the loss", "The model you are given is never called"]),
        ("go; zero; (loss * inputs.numel()).backward(); step; done", ["step 1"]),
        ("go; zero; back; step; return loss.item() * inputs.numel()", ["not the loss before"]),
        ("go; zero; back; step; return str(loss.item())", ["not a number"]),
        ("go; zero; back; step; return loss.detach().numpy()", ["not a number", "ndarray"]),
        ("go; zero; back; step; return loss.item() > 0", ["not a number"]),
        ("go; zero; back; step; return float('nan')", ["got: nan"]),
        ("model.eval(); go; zero; back; step; done", ["not for training it: leave it out"]),
        (f"for _ in range(5): {ONE}; done", ["got: 1.084", NO_LOOP]),
        (f"for _ in range(2): {ONE}; done", [NO_LOOP]),
        (f"go; first = loss.item(); for _ in range(3): {ONE}; return first", ["step 1", NO_LOOP]),
        (
            "for t in (1, 2): "
            + ONE.replace("inputs, targets", "inputs[:, :t], targets[:, :t]")
            + "; done",
            [NO_LOOP],
        ),
        (f"for x, y in zip(inputs, targets): {BY_ROW}; done", ["step", ALL_AT_ONCE]),
        (f"n = len(inputs); for x, y in zip(inputs, targets): {BY_ROW}; done", [ALL_AT_ONCE]),
        ("_, loss = model(inputs[:1], targets[:1]); zero; back; step; done", [ALL_AT_ONCE]),
        ("_, loss = model(inputs[0], targets[0]); zero; back; step; done", [ALL_AT_ONCE]),
        ("go; zero; back; step; return loss.exp().item()", ["That is the perplexity"]),
        ("go; zero; back; step; return loss.item() * inputs.numel()", ["return the mean"]),
        (f"{SUM}; zero; back; step; done", ["got: 4.792", "sum over all B x T places"]),
        (
            f"{SUM}; zero; back; step; return loss.item() / targets.numel()",
            ["after step 1", "it starts from the mean"],
        ),
        ("go; zero; back; step; return -loss.item()", ["Minus the loss goes up the hill"]),
        ("go; zero; (-loss).backward(); step; done", ["Minus the loss goes up the hill"]),
        *(
            (f"go; zero; back; step; return round(loss.item(), {n})", ["not the loss", ROUNDED])
            for n in (0, 1, 2, 3, 4, 5, 6, 9)
        ),
        ("go; zero; back; step; return float(f'{loss:.4f}')", [ROUNDED]),
        ("go; zero; back; step; return int(loss.item() * 1e4) / 1e4", [ROUNDED]),
        ("go; zero; back; step; return int(loss.item())", ["got: 2.0", ROUNDED]),
        ("losses = []; go; zero; back; step; losses.append(loss.item())", [NO_RETURN]),
        (f"losses = []; for _ in range(2): {ONE};losses.append(loss.item())", [NO_RETURN]),
        ("losses = []; go; zero; back; step; return losses.append(loss.item())", [APPENDED]),
        (f"{DRAWN}; go; zero; back; step; done", ["IndexError", *FIRST, NEW_BATCH]),
        (f"_, loss = model({DRAW}); zero; back; step; done", ["IndexError", NEW_BATCH]),
        (
            f"_, loss = model(inputs, {DRAW[1:]}[1][:1, :2] + 2); zero; back; step; done",
            [NEW_BATCH],
        ),
        (f"{DRAWN.replace('data', 'data % 2')}; go; zero; back; step; done", [NEW_BATCH]),
        (f"losses = []; for _ in range(9): {DRAWN};{ONE};losses.append(loss.item())", [NEW_BATCH]),
        (f"losses = []; for _ in range(3): {ONE};losses.append(1); return losses", [NO_LOOP]),
        ("go; zero; back; step; return [loss.item()]", ["expected: a float", "the loss alone"]),
        ("go; zero; back; step; return loss.item() > 0", ["expected: a float"]),
        ("go; zero; optimizer.backward(); step; done", ["backward belongs to the loss"]),
        ("go; zero; model.backward(); step; done", ["backward belongs to the loss"]),
        ("go; loss.zero_grad(); back; step; done", ["zero_grad belongs to the optimizer"]),
        ("go; zero; back; loss.step(); done", ["step belongs to the optimizer"]),
        ("go; zero; back; optimizer.step(loss); done", ["optimizer.step() takes no loss"]),
        ("go; zero; back; optimizer.step(loss.item()); done", ["step() takes no loss"]),
        ("go; zero; value = loss.backward(); step; return value.item()", ["returns None too"]),
        ("go; zero; back; step; return f'{loss:.4f}'", ["(str)", "no f-string"]),
        ("go; zero; back; step; return loss.item", ["with brackets ()?", "loss.item()"]),
        ("go; optimizer.zero_grad; back; step; done", ["step 2", "Is zero_grad called, with"]),
        ("go; zero; loss.backward; step; done", ["Is loss.backward called, with brackets ()?"]),
        ("go; zero; back; optimizer.step; done", ["Is optimizer.step called, with brackets ()?"]),
        (f"go; zero; back; {CLIP}norm_(model.parameters(), 1.0); step; done", [CLIPPED]),
        (f"go; zero; back; {CLIP}value_(model.parameters(), 0.1); step; done", [CLIPPED]),
    ],
)
def test_each_mistake_of_the_step_is_named(source, fragments):
    told("11.step", steps(source), *fragments)


def test_an_error_of_ones_own_names_its_line():
    told("11.step", steps("go; x = undefined"), "NameError", "inputs: tensor(", status="raised")
    told("11.step", steps("raise NotImplementedError"), status="not tried")


def test_each_rounding_is_told_in_numbers_that_differ():
    for digits in range(1, 10):
        answer = steps(f"go; zero; back; step; return round(loss.item(), {digits})")
        lines = evaluate("11.step", answer).message.splitlines()
        expected, got = (line.split()[1] for line in lines if "expected:" in line or "got:" in line)
        assert expected != got


def test_a_loss_of_float32_is_not_taken_for_a_rounded_one():
    right("11.step", steps("go; zero; back; step; return loss.float().item()"))


@pytest.mark.parametrize(
    "source, kept",
    [
        ("losses.append(loss.item())", False),
        ("losses.append(max(1, 2) if loss else min(3, 4)); losses.append(*[round(1)])", False),
        ("losses.extend(x for x in losses); seen = losses.append", False),
        ("for _ in losses: losses.append(loss)", False),
        ("losses.append(1); losses = losses.append(len([2]))", True),
        ("return losses.append(loss)", True),
        ("return torch.tensor(losses.append(loss.item()))", True),
        ("losses[0].rows(1).append(round(2))", False),
        ("x = losses[0].rows(1).append(round(2))", True),
        ("(losses.\n  append(\n  round(1)))", False),
        ("x = (losses.\n  append(\n  round(1)))", True),
    ],
)
def test_append_is_blamed_only_where_its_result_is_used(source, kept):
    space = {}
    exec(f"def answer(losses, loss):\n    {source.replace('; ', chr(10) + '    ')}\n", space)
    assert (APPENDED in Answer(space["answer"], lambda losses, loss: None).silent_method()) == kept


def test_gradients_switched_off_in_the_notebook_do_not_matter():
    with torch.no_grad():
        right("11.step", train_step)
        assert not torch.is_grad_enabled()


@pytest.mark.parametrize("set_default, to, back", [
    (torch.set_default_device, "meta", None),
    (torch.set_default_dtype, torch.float64, torch.float32),
])  # fmt: skip
def test_torchs_defaults_do_not_matter_to_the_models(set_default, to, back):
    set_default(to)
    try:
        right("11.step", train_step)
        right("11.cross_entropy", cross_entropy)
    finally:
        set_default(back)


def test_every_parameter_counts():
    def all_but_one(model, optimizer, inputs, targets):
        kept = getattr(model, "final_norm", None)
        before = None if kept is None else kept.bias.detach().clone()
        loss = train_step(model, optimizer, inputs, targets)
        if kept is not None:
            kept.bias.data.copy_(before)
        return loss

    told("11.step", all_but_one, "final_norm.bias after step 1", "AdamW(lr=0.01)")


def test_the_random_generator_stays_as_it_was():
    torch.manual_seed(3)
    want = torch.rand(2)
    torch.manual_seed(3)
    for exercise in exercises("11"):
        evaluate(exercise.name, exercise.solution)
    assert torch.equal(torch.rand(2), want)


def test_listing_the_lessons_does_not_import_torch():
    code = "import sys, mygpt_helpers.exercises as e; e.lessons(); print('torch' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"


def test_the_solutions_are_short():
    assert all(len(inspect.getsource(e.solution).splitlines()) <= 14 for e in exercises("11"))
