"""The exercises of lesson 12: answers that other people may write, right and wrong."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from mygpt_helpers import cycle_run
from mygpt_helpers import generate as package_generate
from mygpt_helpers.exercises import evaluate, exercises

SOLUTION = {exercise.name: exercise.solution for exercise in exercises("12")}
first_wrong, crop, generate = (SOLUTION[f"12.{n}"] for n in ("first_wrong", "crop", "generate"))


def outcome(name, answer):
    result = evaluate(f"12.{name}", answer)
    lines = result.message.splitlines()
    assert len(lines) <= 9 and max(map(len, lines)) < 100
    assert " at 0x" not in result.message
    return result


# --- what is right, however it is written ---------------------------------------------------------


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


def by_nonzero(ids):
    wrong = (ids != (ids[0] + torch.arange(len(ids))) % 4).nonzero()
    return wrong[0] if len(wrong) else None  # a tensor of one entry


def with_room(ids, max_seq_len):
    return ids[:, max(0, ids.shape[1] - max_seq_len) :].clone()


def row_by_row(ids, max_seq_len):
    return torch.stack([row[-max_seq_len:] for row in ids])


def by_topk(next_logits, ids, n, max_seq_len):
    text = ids.clone()
    while text.shape[1] < ids.shape[1] + n:
        window = text[:, -max_seq_len:] if text.shape[1] > max_seq_len else text
        text = torch.hstack([text, next_logits(window).topk(1).indices])
    return text


@pytest.mark.parametrize(
    "name, answer",
    [
        ("first_wrong", by_neighbours),
        ("first_wrong", by_argmax),
        ("first_wrong", by_numpy),
        ("first_wrong", by_nonzero),
        ("crop", with_room),
        ("crop", row_by_row),
        ("crop", lambda ids, max_seq_len: ids[..., -max_seq_len:]),
        ("crop", lambda ids, max_seq_len: ids.clone()[:, -max_seq_len:].contiguous()),
        ("generate", by_topk),
        ("generate", torch.no_grad()(generate)),
    ],
)
def test_other_ways_are_right_too(name, answer):
    result = outcome(name, answer)
    assert result.status == "right", result.message


# --- what is wrong, and what is said about it -----------------------------------------------------


def last_of_window(ids):
    place = first_wrong(ids)
    return -1 if place is None else place


def all_places(ids):
    return [i for i in range(len(ids)) if ids[i] != (ids[0] + i) % 4]


def only_in_long_texts(ids):
    if len(ids) > 5:
        return first_wrong(ids)


def misses_the_last(ids):
    for place in range(1, len(ids) - 1):
        if ids[place] != (ids[place - 1] + 1) % 4:
            return place


def no_return(ids):
    first_wrong(ids)


def last_by_neighbours(ids):
    return max((i for i in range(1, len(ids)) if ids[i] != (ids[i - 1] + 1) % 4), default=None)


def first_difference(ids):
    places = (ids[1:] != (ids[:-1] + 1) % 4).nonzero()
    return places[0].item() if len(places) else None


def first_of_all(ids):
    return (ids != (ids[0] + torch.arange(len(ids))) % 4).nonzero()[0].item()


def next_too_far(ids):
    for place in range(len(ids)):
        if ids[place + 1] != (ids[place] + 1) % 4:
            return place + 1


def only_long_batches(ids, max_seq_len):
    return ids if len(ids) <= max_seq_len else ids[:, -max_seq_len:]


def counts_texts(ids, max_seq_len):
    return ids[:, max(0, len(ids) - max_seq_len) :]


def shortened(ids, max_seq_len):
    ids.resize_(len(ids), 1)
    return ids


def zeroed(ids, max_seq_len):
    kept = ids[:, -max_seq_len:].clone()
    ids[:, 0] = 0
    return kept


def padded(ids, max_seq_len):
    empty = torch.zeros(len(ids), max(0, max_seq_len - ids.shape[1]), dtype=torch.long)
    return torch.cat([empty, ids], dim=1)[:, -max_seq_len:]


def padded_right(ids, max_seq_len):
    return F.pad(ids[:, -max_seq_len:], (0, max(0, max_seq_len - ids.shape[1])), value=-1)


def endless(next_logits, ids, n, max_seq_len):
    while True:
        ids = torch.cat([ids, next_logits(ids[:, -max_seq_len:]).argmax(-1)[:, None]], dim=1)


def stubborn(next_logits, ids, n, max_seq_len):
    while True:
        try:
            next_logits(ids)
        except Exception:
            continue


def not_appended(next_logits, ids, n, max_seq_len):
    new = [next_logits(ids[:, -max_seq_len:]).argmax(-1, keepdim=True) for _ in range(n)]
    return torch.cat([ids, *new], dim=1)


def least_likely(next_logits, ids, n, max_seq_len):
    return generate(lambda text: -next_logits(text), ids, n, max_seq_len)


def loops(times, new=lambda logits: logits.argmax(-1, keepdim=True)):
    """Make a loop of so many calls, that makes its tokens so."""

    def answer(next_logits, ids, n, max_seq_len):
        for _ in range(times(n, ids.shape[1])):
            ids = torch.cat([ids, new(next_logits(ids[:, -max_seq_len:]))], dim=1)
        return ids

    return answer


def every(new):
    return loops(lambda n, T: n, new)


picks_a_position = every(lambda logits: logits[:, -1:].argmax(-1))
position_of_all = every(lambda logits: logits[:, -1, :].argmax(-1))
always_zero = every(lambda logits: logits[:, -1:].argmax(-1, keepdim=True))
largest_logit = every(lambda logits: logits.max(-1, keepdim=True).values)


def drawn(logits):
    generator = torch.Generator().manual_seed(0)
    return torch.multinomial(logits.softmax(-1), 1, generator=generator)


def of_the_package(next_logits, ids, n, max_seq_len):
    return package_generate(next_logits, ids, n, top_k=1)


def not_kept(next_logits, ids, n, max_seq_len):
    for _ in range(n):
        new = next_logits(ids[:, -max_seq_len:]).argmax(-1, keepdim=True)
        torch.cat([ids, new], dim=1)
    return ids


def below(next_logits, ids, n, max_seq_len):
    for _ in range(n):
        ids = torch.cat([ids, next_logits(ids[:, -max_seq_len:]).argmax(-1, keepdim=True)])
    return ids


def two_results(next_logits, ids, n, max_seq_len):
    logits, _ = next_logits(ids[:, -max_seq_len:])
    return logits


def row_after_row(next_logits, ids, n, max_seq_len):
    return torch.cat([generate(next_logits, row[None], n, max_seq_len) for row in ids])


def one_too_short(next_logits, ids, n, max_seq_len):
    for _ in range(n):
        window = ids[:, -max_seq_len + 1 :] if max_seq_len > 1 else ids[:, -1:]
        ids = torch.cat([ids, next_logits(window).argmax(-1, keepdim=True)], dim=1)
    return ids


def cropped_too_late(next_logits, ids, n, max_seq_len):
    ids = ids[:, -max_seq_len:]
    for _ in range(n):
        ids = torch.cat([ids, next_logits(ids).argmax(-1, keepdim=True)], dim=1)
    return ids


@pytest.mark.parametrize(
    "name, answer, fragments",
    [
        ("first_wrong", last_of_window, ["no id breaks", "return None", "got:      -1"]),
        ("first_wrong", lambda ids: len(ids), ["breaks somewhere else", "expected: 2"]),
        ("first_wrong", all_places, ["a position", "[2, 3, 4, 5, 6] (list)"]),
        (
            "first_wrong",
            only_in_long_texts,
            ["the cycle does break here", "expected: 1", "got:      None"],
        ),
        ("first_wrong", lambda ids: max(all_places(ids), default=None), ["the last wrong one"]),
        ("first_wrong", lambda ids: float(first_wrong(ids) or 0), ["(float)", "a whole number"]),
        ("first_wrong", lambda ids: np.array([2, 3]), ["not a position"]),
        ("first_wrong", lambda ids: "2", ["not a position", "(str)"]),
        ("first_wrong", lambda ids: ids.add_(1)[0] and 2, ["changed its argument"]),
        ("first_wrong", misses_the_last, ["does break here", "expected: 1", "the last token"]),
        ("first_wrong", no_return, ["does break here", "Is there a `return`"]),
        ("first_wrong", last_by_neighbours, ["the last wrong one"]),
        ("first_wrong", first_difference, ["the token at i + 1"]),
        ("first_wrong", lambda ids: int(ids[first_wrong(ids) or 0]), ["the token there"]),
        ("first_wrong", first_of_all, ["no token is wrong", "IndexError"]),
        ("first_wrong", next_too_far, ["no next one", "IndexError"]),
        ("crop", lambda ids, max_seq_len: ids, ["Nothing was cropped", "dimension 1"]),
        ("crop", lambda ids, max_seq_len: ids[:, -64:], ["Nothing was cropped"]),
        ("crop", only_long_batches, ["len(ids)", "the number of texts, B"]),
        ("crop", counts_texts, ["len(ids)", "the number of texts, B"]),
        ("crop", lambda ids, max_seq_len: ids[-max_seq_len:], ["crops the batch"]),
        ("crop", lambda ids, max_seq_len: ids[0, -max_seq_len:][None], ["the first text alone"]),
        ("crop", lambda ids, max_seq_len: ids[:, -max_seq_len:].T, ["transposed"]),
        ("crop", lambda ids, max_seq_len: ids[:, -max_seq_len:-1], ["one token too few"]),
        ("crop", lambda ids, max_seq_len: ids[:, max_seq_len:], ["drops the first"]),
        (
            "crop",
            lambda ids, max_seq_len: ids[:, -max_seq_len],
            ["a slice has a colon", "ids[:, -max_seq_len:]"],
        ),
        ("crop", lambda ids, max_seq_len: ids[:, -max_seq_len + 1 :], ["one token too few"]),
        ("crop", lambda ids, max_seq_len: ids[0, -max_seq_len:], ["stays a batch"]),
        ("crop", lambda ids, max_seq_len: ids.tolist(), ["not a tensor"]),
        ("crop", lambda ids, max_seq_len: ids.numpy()[:, -max_seq_len:], ["not a tensor"]),
        ("crop", lambda ids, max_seq_len: ids[:, -max_seq_len:].float(), ["dtype", "stay whole"]),
        ("crop", shortened, ["expected"]),
        ("crop", zeroed, ["changed its argument"]),
        ("crop", padded, ["the shape is not right", "nothing is filled in"]),
        ("crop", padded_right, ["the shape is not right", "nothing is filled in"]),
        ("generate", endless, ["does it end"]),
        ("generate", stubborn, ["does it end"]),
        ("generate", not_appended, ["call 2", "append each new one"]),
        ("generate", least_likely, ["appended after call 1 is 3, its top token is 0"]),
        ("generate", picks_a_position, ["no position to pick"]),
        ("generate", position_of_all, ["no position to pick"]),
        ("generate", always_zero, ["appended after call", "no position to pick"]),
        ("generate", two_results, ["the logits alone"]),
        ("generate", largest_logit, ["argmax gives them"]),
        ("generate", every(drawn), ["appended after call", "Draw nothing"]),
        ("generate", every(lambda logits: logits.argmax(-1)[None]), ["must be (B, 1)"]),
        ("generate", below, ["must be (B, 1)", "at dim=1"]),
        ("generate", of_the_package, ["Write the loop yourself", "no model"]),
        ("generate", not_kept, ["makes a new tensor", "ids = torch.cat(...)"]),
        ("generate", loops(lambda n, T: n - T), ["calls: 1", "n counts the new tokens"]),
        ("generate", loops(lambda n, T: n + 1), ["calls: 1", "n counts the new tokens"]),
        ("generate", loops(lambda n, T: 1), ["calls: 3", "after the loop"]),
        ("generate", row_after_row, ["the whole batch at once"]),
        ("generate", one_too_short, ["give it all that it can take"]),
        ("generate", cropped_too_late, ["call 3", "at most 4 tokens"]),
        ("generate", lambda f, ids, n, max_seq_len: ids, ["calls: 1"]),
        ("generate", lambda f, ids, n, max_seq_len: [f(ids.tolist())], ["call 1", "[[0, 1]]"]),
        ("generate", lambda f, ids, n, max_seq_len: f(ids[0]), ["keep the shape (B, T)"]),
        ("generate", lambda f, ids, n, max_seq_len: f(), ["call 1", "next_logits(...)"]),
    ],
)
def test_what_is_wrong_is_named(name, answer, fragments):
    result = outcome(name, answer)
    assert result.status == "wrong", result.message
    for fragment in fragments:
        assert fragment in result.message.replace("\n  ", " "), result.message
    assert result == outcome(name, answer)


def test_an_error_says_what_the_model_was_given():
    def answer(next_logits, ids, n, max_seq_len):
        return next_logits(ids[0, 0]) + undefined  # noqa: F821

    assert "call 1 of next_logits" in outcome("generate", answer).message

    def right_until_then(next_logits, ids, n, max_seq_len):
        return next_logits(ids) + undefined  # noqa: F821

    result = outcome("generate", right_until_then)
    assert result.status == "raised" and "NameError" in result.message


def test_another_error_of_first_wrong_is_an_error():
    result = outcome("first_wrong", lambda ids: ids.undefined)
    assert result.status == "raised" and "AttributeError" in result.message


# --- the solutions on the models of the lesson ----------------------------------------------------


@pytest.mark.parametrize("seq_len, expected", [(8, 9), (16, 17), (32, 34), (64, None)])
def test_the_solutions_find_what_the_lesson_says(seq_len, expected):
    model = cycle_run(seq_len)
    prompt = torch.tensor([[0]])

    @torch.no_grad()
    def next_logits(ids):
        return model(ids)[0][:, -1]

    ids = generate(next_logits, prompt, 150, model.max_seq_len)
    assert torch.equal(ids, package_generate(model, prompt, 150, top_k=1))
    assert first_wrong(ids[0]) == expected
    assert torch.equal(crop(ids, 64), ids[:, 87:]) and crop(prompt, 64) is not None
