"""Beam search: against transformers' own, against its definition, and what it is given wrongly."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig

from mygpt_helpers import GPT, PromptError, beam_search, generate, generation, lesson_checkpoint
from mygpt_helpers.pretrained.cache import flaw, model_folder
from mygpt_helpers.search import path_to
from tests.test_trace import Table
from tests.tiny import ARCHITECTURES, make_model, make_tokenizer

CASES = settings(max_examples=60, deadline=None, derandomize=True, database=None)
PROMPT = torch.tensor([[5, 9, 30]])
NOTHING_SET = GenerationConfig(pad_token_id=0)

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def tiny():
    found = {name: make_model(name, make_tokenizer(name)) for name in ARCHITECTURES}
    for model in found.values():
        model.generation_config = NOTHING_SET
    return found


def peer(model, ids, n, num_beams, length_penalty=0.0, eos_token_id=None):
    """Return the best text of transformers' own beam search, and what it ranks it by."""
    config = GenerationConfig(
        max_new_tokens=n,
        num_beams=num_beams,
        do_sample=False,
        early_stopping="never",
        length_penalty=length_penalty,
        eos_token_id=eos_token_id,
        pad_token_id=0,
        return_dict_in_generate=True,
        output_scores=True,
    )
    mask = torch.ones_like(ids)
    came = model.generate(ids, attention_mask=mask, generation_config=config)
    return came.sequences, float(came.sequences_scores) if num_beams > 1 else None


def sum_by_hand(model, ids, T):
    """Return the sum of a text's log-probabilities after its first T tokens."""
    with torch.no_grad():
        came = model(ids)
    log_probs = (came[0] if isinstance(came, tuple) else came.logits)[0].log_softmax(-1)
    return sum(float(log_probs[t - 1, ids[0, t]]) for t in range(T, ids.shape[1]))


@pytest.mark.parametrize("num_beams", range(1, 6))
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_of_a_fixed_length_it_finds_what_transformers_finds(tiny, name, num_beams):
    for seed in range(4):
        ids = torch.randint(0, 100, (1, 1 + seed), generator=torch.Generator().manual_seed(seed))
        for penalty in (0.0, 1.0):
            found = beam_search(tiny[name], ids, 7, num_beams, length_penalty=penalty)
            best, rank = peer(tiny[name], ids, 7, num_beams, penalty)
            assert torch.equal(found.ids, best)
            assert found.score == pytest.approx(sum_by_hand(tiny[name], best, 1 + seed), abs=1e-4)
            if rank is not None:  # transformers divides what it tells, too
                assert found.score / 7**penalty == pytest.approx(rank, abs=1e-4)


@pytest.mark.parametrize("penalty", [-1.0, 0.0, 0.6, 2.0])
@pytest.mark.parametrize("ends", [7, [*range(0, 780, 13)]], ids=["one end", "many ends"])
def test_with_an_end_token_too(tiny, ends, penalty):
    lengths = set()
    for seed in range(6):
        ids = torch.randint(0, 100, (1, 2), generator=torch.Generator().manual_seed(seed))
        for num_beams in (2, 3, 5):
            about = {"length_penalty": penalty, "eos_token_id": ends}
            found = beam_search(tiny["qwen3"], ids, 6, num_beams, **about)
            assert torch.equal(found.ids, peer(tiny["qwen3"], ids, 6, num_beams, penalty, ends)[0])
            lengths.add(found.ids.shape[1])
    assert ends == 7 or penalty == 2 or len(lengths) > 1, "no text has ended early"


@pytest.mark.slow
@pytest.mark.skipif(flaw(model_folder()) is not None, reason="the real model is not here")
def test_on_the_real_model():
    checkpoint = lesson_checkpoint()
    model = AutoModelForCausalLM.from_pretrained(checkpoint, dtype=torch.float32)
    model.generation_config = NOTHING_SET
    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    ids = tokenizer("Once upon a time", return_tensors="pt").input_ids
    for num_beams in range(1, 6):
        found = beam_search(model, ids, 8, num_beams)
        best, rank = peer(model, ids, 8, num_beams)
        assert torch.equal(found.ids, best)
        assert found.score == pytest.approx(sum_by_hand(model, best, ids.shape[1]), abs=1e-3)
        assert rank is None or found.score == pytest.approx(rank, abs=1e-3)


class Chances(nn.Module):
    """A model of V tokens with random scores for every text, some of them minus infinity."""

    def __init__(self, V, seed, rounded=False):
        super().__init__()
        self.V, self.seed, self.rounded = V, seed, rounded

    def forward(self, ids):
        rows = []
        for row in ids.tolist():
            generator = torch.Generator().manual_seed(hash((self.seed, *row)) % 2**31)
            logits = 2 * torch.randn(self.V, generator=generator)
            rows.append(logits.round() if self.rounded else logits)
        return torch.stack(rows)[:, None].expand(-1, ids.shape[1], -1), None


def exhaustive(model, ids, n, penalty, ends):
    """Return the best text of all, and what it is ranked by."""
    best = (-math.inf, None)
    for length in range(1, n + 1):
        for new in itertools.product(range(model.V), repeat=length):
            if set(new[:-1]) & ends or (length < n and new[-1] not in ends):
                continue
            text, total = ids, 0.0
            for token in new:
                total += float(model(text)[0][0, -1].log_softmax(-1)[token])
                text = torch.cat([text, torch.tensor([[token]])], dim=1)
            best = max(best, (total / length**penalty, text), key=lambda pair: pair[0])
    return best


@CASES
@given(
    V=st.integers(2, 4),
    n=st.integers(1, 3),
    seed=st.integers(0, 10**6),
    penalty=st.sampled_from([0.0, 1.0, -0.5, 3.0]),
    has_end=st.booleans(),
)
def test_with_beams_enough_it_finds_the_best_of_all_texts(V, n, seed, penalty, has_end):
    model, ids, ends = Chances(V, seed), torch.tensor([[0]]), {1} if has_end else set()
    about = {"length_penalty": penalty, "eos_token_id": [*ends] or None}
    found = beam_search(model, ids, n, V ** (n - 1), **about)
    rank, text = exhaustive(model, ids, n, penalty, ends)
    assert torch.equal(found.ids, text)
    assert found.score / (text.shape[1] - 1) ** penalty == pytest.approx(rank, abs=1e-4)


@CASES
@given(
    V=st.integers(1, 5),
    n=st.integers(1, 5),
    num_beams=st.integers(1, 7),
    seed=st.integers(0, 10**6),
    ends=st.sampled_from([None, 0, [0, 1]]),
    rounded=st.booleans(),
)
def test_the_tree_is_what_was_looked_at(V, n, num_beams, seed, ends, rounded):
    if V == 1 and ends == [0, 1]:
        ends = 0
    model, ids = Chances(V, seed, rounded), torch.tensor([[0, 0]])
    found = beam_search(model, ids, n, num_beams, eos_token_id=ends)
    end_ids = {None: set(), 0: {0}}.get(ends if not isinstance(ends, list) else 1, {0, 1})
    before = 1
    final = []
    for level, nodes in enumerate(found.tree):
        assert len(nodes) == min(max(2, 1 + len(end_ids)) * num_beams, before * V)
        assert [x.score for x in nodes] == sorted((x.score for x in nodes), reverse=True)
        kept = [x for x in nodes if x.state == "kept"]
        for place, node in enumerate(nodes):
            path = path_to(found.tree, level, place)
            assert len(path) == level + 1 and path[-1] is node
            assert node.score == pytest.approx(sum(x.log_prob for x in path), abs=1e-4)
            assert all(x.state == "kept" for x in path[:-1])
            assert (node.token in end_ids) or node.state != "ended"
            text = torch.tensor([ids[0].tolist() + [x.token for x in path]])
            logits = model(text[:, :-1])[0][0, -1]
            assert node.log_prob == pytest.approx(float(logits.log_softmax(-1)[node.token]))
            if node.state == "ended" or (node.state == "kept" and level == n - 1):
                final.append((text.tolist(), node.score))
        going_on = [x for x in nodes if x.token not in end_ids][:num_beams]
        assert kept in (going_on, [])
        before = len(kept)
    assert sorted(((t.tolist(), s) for t, s in found.ranked), key=str) == sorted(final, key=str)
    scores = [score for _, score in found.ranked]
    assert scores == sorted(scores, reverse=True)
    assert torch.equal(found.ids, found.ranked[0][0]) and found.score == scores[0]
    assert torch.equal(found.prompt_ids, ids)


@CASES
@given(seed=st.integers(0, 10**6), n=st.integers(1, 6), end=st.sampled_from([None, 0]))
def test_one_beam_is_greedy_ties_included(seed, n, end):
    model, ids = Chances(4, seed, rounded=True), torch.tensor([[2]])
    found = beam_search(model, ids, n, 1, eos_token_id=end)
    assert torch.equal(found.ids, generate(model, ids, n, top_k=1, eos_token_id=end))


def test_a_penalty_orders_the_final_texts_and_leaves_the_score():
    probs = torch.tensor([[0.25, 0.2, 0.55], [0.25, 0.2, 0.55], [0.1, 0.85, 0.05]])
    model, ids = Table(rows=probs.log()), torch.tensor([[0]])
    plain = beam_search(model, ids, 4, 2, eos_token_id=0)
    long = beam_search(model, ids, 4, 2, eos_token_id=0, length_penalty=1.0)
    assert plain.ids.tolist() == [[0, 0]] and long.ids.tolist() == [[0, 2, 1, 2, 1]]
    assert plain.score == pytest.approx(math.log(0.25))
    assert long.score == pytest.approx(2 * math.log(0.55 * 0.85))
    assert dict.fromkeys(score for _, score in long.ranked).keys() >= {plain.score, long.score}


def test_a_beam_that_a_penalty_will_help_goes_on():
    rows = torch.tensor([[0.4, 0.35, 0.25], [0.01, 0.98, 0.01], [0.01, 0.01, 0.98]]).log()
    found = beam_search(
        Table(rows=rows), torch.tensor([[0]]), 4, 1, eos_token_id=0, length_penalty=1.0
    )
    assert found.ids.tolist() == [[0, 1, 1, 1, 1]] and [0, 0] in [
        x[0].tolist() for x, _ in found.ranked
    ]


def test_a_token_of_probability_0_is_no_candidate():
    rows = torch.full((6, 6), -math.inf)
    rows[:, 3] = 0.0
    found = beam_search(Table(rows=rows), torch.tensor([[1]]), 3, 4)
    assert found.ids.tolist() == [[1, 3, 3, 3]] and [*map(len, found.tree)] == [1, 1, 1]
    assert found.score == 0 and len(found.ranked) == 1


def test_a_search_ends_where_no_beam_can_surpass_what_has_ended():
    model = Table(rows=torch.tensor([[9.0, 1, 0, 0, 0, 0]]).repeat(6, 1))
    found = beam_search(model, torch.tensor([[1]]), 50, 1, eos_token_id=0)
    assert model.calls == len(found.tree) == 1 and found.ids.tolist() == [[1, 0]]
    assert all(node.state != "kept" for node in found.tree[0])


def test_the_cache_is_used_where_there_is_one(tiny, monkeypatch):
    lengths = []
    model = tiny["qwen3"]
    model.register_forward_pre_hook(
        lambda module, args, kwargs: lengths.append(tuple(kwargs["input_ids"].shape)),
        with_kwargs=True,
    )
    with_cache = beam_search(model, PROMPT, 4, 3)
    assert lengths == [(1, 3), (3, 1), (3, 1), (3, 1)]
    lengths.clear()
    forward = type(model).forward

    def without_cache(self, input_ids, attention_mask=None, **kwargs):
        return forward(self, input_ids, use_cache=False)

    monkeypatch.setattr(type(model), "forward", without_cache)
    without = beam_search(model, PROMPT, 4, 3)
    assert lengths == [(1, 3), (3, 4), (3, 5), (3, 6)]
    assert torch.equal(with_cache.ids, without.ids)
    assert with_cache.score == pytest.approx(without.score, abs=1e-4)


def test_our_own_models_slide_their_window():
    torch.manual_seed(0)
    gpt = GPT(6, 8, 2, 1, 8)
    found = beam_search(gpt, torch.tensor([[0, 1, 2, 3, 4, 5]]), 9, 3)
    assert found.ids.shape == (1, 15)
    assert gpt.training, "it is left as it was"
    assert torch.equal(
        beam_search(gpt, PROMPT % 6, 9, 1).ids, generate(gpt, PROMPT % 6, 9, top_k=1)
    )


@pytest.mark.parametrize("stop", [1, 3])
def test_an_interrupt_keeps_what_was_found(stop, capsys):
    whole = beam_search(Table(), torch.tensor([[2]]), 5, 2)
    found = beam_search(Table(stop), torch.tensor([[2]]), 5, 2)
    assert capsys.readouterr().out == f"stopped after {stop - 1} of 5 tokens.\n"
    assert found.tree == whole.tree[: stop - 1]
    assert found.ids.shape == (1, stop) and len(found.ranked) == (2 if stop > 1 else 1)
    assert found.score == (0.0 if stop == 1 else found.tree[-1][0].score)
    assert f"{stop - 1} new tokens" in repr(found)


def test_a_loop_around_an_interrupted_search_ends_with_it(monkeypatch):
    monkeypatch.setattr(generation, "running_cell", lambda: ("cell", "run"))
    monkeypatch.setattr(generation, "_stopped_in", set())
    beam_search(Table(2), torch.tensor([[2]]), 5, 2)
    with pytest.raises(KeyboardInterrupt):
        beam_search(Table(), torch.tensor([[2]]), 5, 2)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"num_beams": 0}, "num_beams must be a whole number from 1, got 0; 1 is greedy"),
        ({"num_beams": 2.5}, "num_beams must be a whole number"),
        ({"num_beams": None}, "num_beams must be a whole number"),
        ({"max_new_tokens": 0}, "max_new_tokens must be a whole number from 1"),
        ({"prompt_ids": PROMPT[:, :0]}, "the prompt is empty"),
        ({"prompt_ids": PROMPT[0]}, r"must be a tensor of shape \(B, T\)"),
        ({"prompt_ids": PROMPT.repeat(2, 1)}, r"continues one prompt, shape \(1, T\); got 2"),
        ({"prompt_ids": PROMPT[:0]}, "no prompt at all"),
        ({"prompt_ids": PROMPT + 800}, "must be from 0 to 723"),
        ({"prompt_ids": PROMPT.expand(1, 3).repeat(1, 85)}, "more than .* context of 256"),
        ({"prompt_ids": PROMPT.repeat(1, 99)}, "this model's context holds 256"),
        ({"length_penalty": "1"}, "length_penalty must be a number from -10.0 to 10.0, got '1'"),
        ({"length_penalty": math.nan}, "length_penalty must be a number from -10.0 to 10.0"),
        ({"length_penalty": 11}, "length_penalty must be a number from -10.0 to 10.0, got 11"),
        ({"eos_token_id": 800}, "eos_token_id must be a token's id"),
        ({"model": "gpt2"}, "model must be a torch.nn.Module"),
    ],
)
def test_bad_input_gets_one_message(tiny, changed, message):
    good = {"model": tiny["gpt2"], "prompt_ids": PROMPT, "max_new_tokens": 4, "num_beams": 2}
    with pytest.raises(ValueError, match=message) as caught:
        beam_search(**(good | changed))
    assert not isinstance(caught.value, PromptError) or "prompt" in str(caught.value)


def test_scores_that_are_no_numbers_are_refused():
    with pytest.raises(ValueError, match="NaN"):
        beam_search(Table(rows=torch.full((6, 6), math.nan)), torch.tensor([[1]]), 3, 2)


def test_more_beams_than_tokens_and_numbers_of_other_kinds():
    found = beam_search(Table(), torch.tensor([[2]]), torch.tensor(2), torch.tensor(50))
    assert [*map(len, found.tree)] == [6, 36] and len(found.ranked) == 36


def test_as_many_go_on_where_the_best_candidates_are_all_ends():
    rows = torch.tensor([[5.0, 4.0, 3.0, 2.0, 1.0, 0.0]] * 6)
    found = beam_search(Table(rows=rows), torch.tensor([[3]]), 1, 2, eos_token_id=[0, 1, 2])
    states = [(node.token, node.state) for node in found.tree[0][:5]]
    assert states == [(0, "ended"), (1, "ended"), (2, "pruned"), (3, "kept"), (4, "kept")]
