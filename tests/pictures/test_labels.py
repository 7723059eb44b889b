"""A token's label: no two tokens of a vocabulary look alike, whatever its decoder does."""

from __future__ import annotations

from functools import partial
from itertools import count

import pytest
import torch
from tokenizers import Tokenizer, decoders, models
from transformers import PreTrainedTokenizerFast

from mygpt_helpers import (
    BPETokenizer,
    CharTokenizer,
    DistributionWidget,
    DrawWidget,
    LikelihoodWidget,
    OrderWidget,
    RulesWidget,
    SideBySideWidget,
    StrategiesWidget,
    TraceWidget,
    TreeWidget,
    WordTokenizer,
    beam_search,
    strategies,
    summarize,
    token_text,
    trace,
    visible,
)
from tests.tiny import ARCHITECTURES, make_tokenizer

PIECES = ["▁", "al", "▁al", "▁▁", "▁▁al", ".", "▁.", "é", "▁é"]
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
ROW = {"unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>"}


def numbered(tokens):
    return dict(zip(tokens, count()))


def fast(model, decoder=None, **special):
    made = Tokenizer(model)
    if decoder is not None:
        made.decoder = decoder
    return PreTrainedTokenizerFast(tokenizer_object=made, **special)


def sentencepiece():
    """Llama's kind: a space is ▁, an unknown character is bytes, and the first space goes."""
    steps = [
        decoders.Replace("▁", " "),
        decoders.ByteFallback(),
        decoders.Fuse(),
        decoders.Strip(" ", 1, 0),
    ]
    vocab = numbered(["<unk>", "<s>", "</s>", *BYTES, *PIECES])
    model = models.BPE(vocab=vocab, merges=[], byte_fallback=True, unk_token="<unk>")
    return fast(model, decoders.Sequence(steps), **ROW)


def late(*words):
    """The same where the first token without a space comes late, or has no ASCII letter."""
    first = [f"▁{i}" for i in range(1000)]
    steps = [decoders.Replace("▁", " "), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    model = models.BPE(vocab=numbered(["<unk>", *first, *words]), merges=[], unk_token="<unk>")
    return fast(model, decoders.Sequence(steps), unk_token="<unk>")


def unigram():
    """T5's kind."""
    model = models.Unigram([(piece, -1.0) for piece in ("<unk>", *PIECES)], unk_id=0)
    return fast(model, decoders.Metaspace(prepend_scheme="always"), unk_token="<unk>")


def wordpiece():
    """BERT's kind: ## continues a word, and the space before a full stop goes."""
    vocab = numbered(["[UNK]", "al", "##al", "dog", "##dog", ".", "##.", "'s", "n't", "do"])
    return fast(models.WordPiece(vocab, unk_token="[UNK]"), decoders.WordPiece(), unk_token="[UNK]")


def word_ends():
    """OpenAI's first GPT: </w> ends a word, and the last space goes."""
    vocab = numbered(["<unk>", ".", ".</w>", "al", "al</w>"])
    model = models.BPE(vocab=vocab, merges=[], unk_token="<unk>", end_of_word_suffix="</w>")
    return fast(model, decoders.BPEDecoder("</w>"), unk_token="<unk>")


def words():
    return fast(models.WordLevel(numbered(["<unk>", "al", "dog", "."]), unk_token="<unk>"))


def characters():
    return fast(models.BPE(vocab=numbered("ab .\n"), merges=[]), decoders.Fuse())


def cleaned_up():
    """Byte-level, as the tiny ones are, but its decode removes the space before a full stop."""
    vocab = numbered(["!", ".", "Ġ.", "'s", "Ġ's"])
    tokenizer = fast(models.BPE(vocab=vocab, merges=[]), decoders.ByteLevel())
    tokenizer.clean_up_tokenization_spaces = True
    tokenizer.clean_up_tokenization_spaces_for_bpe_even_though_it_will_corrupt_output = True
    assert tokenizer.decode([0, 2]) == "!."
    return tokenizer


KINDS = {
    "sentencepiece": sentencepiece,
    "late": partial(late, "al", "▁al"),
    "no ASCII": partial(late, "▁猫", "猫"),
    "unigram": unigram,
    "wordpiece": wordpiece,
    "word ends": word_ends,
    "words": words,
    "characters": characters,
    "cleaned up": cleaned_up,
} | {name: partial(make_tokenizer, name) for name in ARCHITECTURES}


@pytest.mark.parametrize("kind", KINDS)
def test_no_two_tokens_share_a_label(kind):
    tokenizer = KINDS[kind]()
    ids = range(len(tokenizer) + 2)  # a model may have more rows than its tokenizer has tokens
    logits = -torch.arange(len(ids)).float()
    shown = summarize(logits, logits.softmax(dim=-1), tokenizer.decode, num_bars=len(ids)).labels
    assert all(shown) and len({*map(visible, shown)}) == len(ids)
    assert list(shown) == [token_text(tokenizer, i) for i in ids]
    live = DistributionWidget(logits, tokenizer.decode, num_bars=len(ids))
    assert [short for short, _ in live._data["labels"]] == [visible(text, 24) for text in shown]


@pytest.mark.parametrize(
    ("kind", "tokens"),
    [
        ("sentencepiece", {"al": "al", "▁al": " al", "▁": " ", "▁▁al": "  al", "<s>": "<s>"}),
        ("sentencepiece", {"<0x0A>": "<0x0A>", "<0xE2>": "<0xE2>", "é": "é"}),
        ("late", {"al": "al", "▁al": " al"}),
        ("no ASCII", {"猫": "猫", "▁猫": " 猫"}),
        ("unigram", {"al": "al", "▁al": " al", "▁": " ", "<unk>": "<unk>"}),
        ("wordpiece", {"al": " al", "##al": "##al", ".": ".", "[UNK]": "[UNK]"}),
        ("word ends", {"al": "al", "al</w>": "al "}),
        ("words", {"al": "al"}),
        ("characters", {" ": " ", "\n": "\n"}),
        ("gpt2", {"Ġpub": " pub", "Ċ": "\n", "<|endoftext|>": "<|endoftext|>"}),
        ("gpt2", {"â": "<0xE2>", "¿": "<0xBF>", "A": "A"}),
    ],
)
def test_labels_in_figures(kind, tokens):
    tokenizer = KINDS[kind]()
    for name, text in tokens.items():
        assert token_text(tokenizer, tokenizer.convert_tokens_to_ids(name)) == text
    assert token_text(tokenizer, len(tokenizer)) == f"<id {len(tokenizer)}>"


def test_a_part_of_a_character_after_whole_ones():
    vocab = numbered(["!", "Ġâ", "Ġâī¤"])
    tokenizer = fast(models.BPE(vocab=vocab, merges=[]), decoders.ByteLevel())
    assert [token_text(tokenizer, i) for i in range(3)] == ["!", " <0xE2>", " ≤"]


def test_an_id_may_be_a_tensor():
    tokenizer = sentencepiece()
    al = torch.tensor(tokenizer.convert_tokens_to_ids("▁al"))
    assert token_text(tokenizer, al) == " al"


@pytest.mark.parametrize("token_id", [-1, 1.5, True, "3", None, 2**40], ids=repr)
def test_what_is_no_id(token_id):
    with pytest.raises(ValueError, match=f"token_id must be a whole number from 0.*{token_id!r}"):
        token_text(sentencepiece(), token_id)


def test_what_is_no_tokenizer():
    with pytest.raises(ValueError, match="tokenizer must be one of transformers'.*got 'x'"):
        token_text("x", 3)


def test_a_decode_with_settings_is_a_decode():
    tokenizer = sentencepiece()
    ids = range(len(tokenizer))
    logits = -torch.arange(len(ids)).float()
    decode = partial(tokenizer.decode, skip_special_tokens=False)
    shown = summarize(logits, logits.softmax(dim=-1), decode, num_bars=len(ids)).labels
    assert list(shown) == [token_text(tokenizer, i) for i in ids]


def test_other_functions_name_the_tokens_as_they_like():
    logits = torch.tensor([2.0, 1.0])
    for label_of in ("decode".__getitem__, lambda i: f"decode {i}"):
        shown = summarize(logits, logits.softmax(dim=-1), label_of).labels
        assert shown == (label_of(0), label_of(1))


TEXT = "a naïve cat,\n a café cat 😊"
OWN = {
    "characters": CharTokenizer.train(TEXT, unknown="<unk>"),
    "words": WordTokenizer.train(TEXT),
    "byte pairs": BPETokenizer.train(TEXT, 260),
}


class Rows(torch.nn.Module):
    """A model whose scores hang on the last id alone."""

    def __init__(self, vocab_size):
        super().__init__()
        self.rows = torch.randn(vocab_size, vocab_size, generator=torch.Generator().manual_seed(0))

    def forward(self, ids):
        return self.rows[ids], None


@pytest.mark.parametrize("kind", OWN)
def test_the_courses_own_tokenizers_name_tokens_everywhere(kind):
    tokenizer = OWN[kind]
    assert [token_text(tokenizer, i) for i in range(tokenizer.vocab_size)] == tokenizer.vocab
    assert token_text(tokenizer, tokenizer.vocab_size) == f"<id {tokenizer.vocab_size}>"
    model, ids = Rows(tokenizer.vocab_size), torch.tensor([tokenizer.encode("a cat")])
    steps, search = trace(model, ids, 4, top_k=1), beam_search(model, ids, 3, 2)
    text_of = tokenizer.decode
    top = visible(token_text(tokenizer, steps[0].chosen))
    for show in (DistributionWidget, DrawWidget, RulesWidget, OrderWidget):
        given = steps[0].logits if show is DistributionWidget else steps[0]
        assert top in str(show(given, text_of)), show
    for picture in (
        TraceWidget(steps, text_of),
        LikelihoodWidget(steps, text_of),
        SideBySideWidget(steps[:2], text_of),
        TreeWidget(search, text_of),
    ):
        assert top in str(picture), picture
    written = strategies(model, ids, 4, {"greedy": {"top_k": 1}}, seeds=[0])
    text = tokenizer.decode(written[0].new_ids)
    assert visible(text) in visible(str(StrategiesWidget(written, text_of)))


def test_a_tokenizer_that_a_learner_wrote_names_tokens_too():
    class Own:
        vocab = ["a", " b"]

        def decode(self, ids):
            return "".join(self.vocab[i] for i in ids)

    shown = summarize(torch.zeros(3), torch.ones(3) / 3, Own().decode).labels
    assert shown == ("a", " b", "<id 2>")
