"""corpus.py: the cycle as tokens, ids and batches."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mygpt_helpers import cycle_corpus, get_batch, to_ids, to_tokens
from mygpt_helpers.corpus import VOCAB

CASES = settings(max_examples=200, deadline=None, derandomize=True, database=None)


def test_the_vocabulary_and_the_corpus():
    assert VOCAB == ("I", "love", "AI", "!")
    data = cycle_corpus()
    assert data.shape == (256,) and data.dtype == torch.long
    assert to_tokens(data[:9]) == ["I", "love", "AI", "!"] * 2 + ["I"]
    assert torch.equal(data, torch.arange(256) % 4)
    assert cycle_corpus(3, vocab=["a", "b", "c"]).tolist() == [0, 1, 2] * 3
    assert cycle_corpus(1).tolist() == [0, 1, 2, 3]


@CASES
@given(st.lists(st.text(min_size=1, max_size=5), min_size=1, unique=True), st.data())
def test_tokens_to_ids_and_back(vocab, data):
    tokens = data.draw(st.lists(st.sampled_from(vocab)))
    ids = to_ids(tokens, vocab)
    assert ids.dtype == torch.long and ids.shape == (len(tokens),)
    assert to_tokens(ids, vocab) == to_tokens(ids.tolist(), vocab) == tokens


def test_a_text_is_split_at_white_space():
    assert to_ids("I love AI !").tolist() == [0, 1, 2, 3]
    assert to_ids(" I\n love\tI ").tolist() == [0, 1, 0]
    assert to_ids("").tolist() == [] and to_ids("").dtype == torch.long
    assert to_tokens(np.array([3, 0])) == ["!", "I"]
    assert to_tokens([]) == []


@pytest.mark.parametrize("text", ["I hate AI", "i", ["I", "love "], ["I", 0], "I love AI!"])
def test_a_token_that_the_vocabulary_does_not_hold(text):
    with pytest.raises(ValueError, match=r"no such token: .*'I', 'love', 'AI', '!'\.") as raised:
        to_ids(text)
    assert "\n" not in str(raised.value)


def test_the_message_of_a_long_token_and_a_long_vocabulary_is_short():
    with pytest.raises(ValueError, match=r"no such token: .*, \.\.\.") as raised:
        to_ids(["x" * 10_000], [str(i) for i in range(1000)])
    assert len(str(raised.value)) < 200


@pytest.mark.parametrize("ids", [[4], [-1], [0.0], ["I"], [None], torch.tensor([1.0]), [1, 99]])
def test_ids_that_the_vocabulary_does_not_hold(ids):
    with pytest.raises(ValueError, match=r"ids must be whole numbers from 0 to 3, got"):
        to_tokens(ids)


@pytest.mark.parametrize(
    "ids", [torch.zeros(1, 3).long(), torch.tensor(2), np.array(1), np.zeros((2, 2), int)]
)
def test_ids_of_more_than_one_text(ids):
    with pytest.raises(ValueError, match=r"shape \(T,\), one text; got .*ids\[0\]"):
        to_tokens(ids)


@pytest.mark.parametrize("ids", [1, 2.5, None])
def test_ids_that_are_no_list(ids):
    with pytest.raises(ValueError, match=f"ids must be a list or a tensor.*got {ids}"):
        to_tokens(ids)


@pytest.mark.parametrize("text", [1, None, np.array("I"), torch.tensor(1)])
def test_a_text_that_is_none(text):
    with pytest.raises(ValueError, match="text must be a string or a list of tokens, got"):
        to_ids(text)


@pytest.mark.parametrize("make", [lambda device: to_ids("I", device=device), cycle_corpus])
def test_a_device_that_is_not_there(make):
    with pytest.raises(ValueError, match="no such device here: device='cuda:99'"):
        make(device="cuda:99")


@pytest.mark.parametrize("repeats", [0, -1, 2.0, True, None, "3"])
def test_a_number_of_repeats_that_is_none(repeats):
    with pytest.raises(ValueError, match="repeats must be a whole number from 1"):
        cycle_corpus(repeats)


# ---- batches -----------------------------------------------------------------------------------


@CASES
@given(st.integers(1, 40), st.integers(1, 9), st.integers(0, 60), st.integers(0, 10**6))
def test_a_batch_is_cut_where_torch_draws_it(seq_len, batch_size, more, seed):
    data = torch.randperm(seq_len + 2 + more)
    torch.manual_seed(seed)
    inputs, targets = get_batch(data, batch_size, seq_len)
    after = torch.get_rng_state()
    torch.manual_seed(seed)
    starts = torch.randint(0, len(data) - seq_len - 1, (batch_size,))
    assert torch.equal(after, torch.get_rng_state()), "drawn something else"
    assert inputs.shape == targets.shape == (batch_size, seq_len)
    assert inputs.dtype == targets.dtype == torch.long
    for row, start in enumerate(starts.tolist()):
        assert torch.equal(inputs[row], data[start : start + seq_len])
        assert torch.equal(targets[row], data[start + 1 : start + 1 + seq_len])


def test_the_same_seed_gives_the_same_batches_and_another_one_others():
    data = cycle_corpus()
    kept = data.clone()

    def batches(seed):
        torch.manual_seed(seed)
        return torch.stack([torch.stack(get_batch(data, 4, 8)) for _ in range(5)])

    assert torch.equal(batches(42), batches(42))
    assert not torch.equal(batches(42), batches(43))
    batches(1).zero_()
    assert torch.equal(data, kept), "a batch is a copy"


def test_a_batch_shares_no_memory_with_the_data():
    data = torch.arange(10)
    inputs, targets = get_batch(data, 1, 4)
    inputs.fill_(-1), targets.fill_(-1)
    assert torch.equal(data, torch.arange(10))


@pytest.mark.parametrize("length", [0, 1, 9])
def test_data_that_is_too_short(length):
    with pytest.raises(ValueError, match=rf"holds {length} tokens, and seq_len=8 needs .* 10\. "):
        get_batch(torch.arange(length), 4, 8)
    assert get_batch(torch.arange(10), 2, 8)[1].tolist() == [list(range(1, 9))] * 2


@pytest.mark.parametrize("name", ["batch_size", "seq_len"])
@pytest.mark.parametrize("value", [0, -1, 2.0, True, None, "3"])
def test_a_size_that_is_none(name, value):
    with pytest.raises(ValueError, match=f"{name} must be a whole number from 1, got") as raised:
        get_batch(cycle_corpus(), **{"batch_size": 4, "seq_len": 8, name: value})
    assert repr(value) in str(raised.value)


@pytest.mark.parametrize("data", [[0, 1, 2], torch.zeros(4, 50).long(), torch.tensor(1), None])
def test_data_that_is_no_row_of_ids(data):
    with pytest.raises(ValueError, match=r"data must be a tensor of ids, shape \(N,\), got"):
        get_batch(data, 1, 1)
