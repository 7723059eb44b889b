"""Tokens that are made by merging pairs of bytes. Used in lesson 13.

The library `tokenizers` finds the merges and applies them; what a merge does stands here in Python.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache

from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from torch import Tensor

from .checks import checked_count, is_many, is_whole, whole_text
from .corpus import to_tokens
from .errors import InputError

BYTES = 256
LONGEST = 1000  # bytes of a token


class BPETokenizer:
    """Byte pairs: the 256 bytes are tokens, and each merge makes one more of two that are there.

    merges: the pairs of ids, in order; merge number i makes the token 256 + i, and the ids below
    256 are the bytes themselves. So the first n merges are a tokenizer: BPETokenizer(merges[:n]).
    vocab: the tokens' texts; a byte that is no whole character is named <0xC3>. Text is cut into
    words with the space before them, and no merge goes across (GPT-2's rule). Any text has ids,
    since every text is bytes. Raises ValueError for a merge of what is not there yet, or that makes
    no new token. Used in lesson 13. Sources: Gage 1994 (merges), Sennrich et al. 2016 (of words),
    Radford et al. 2019 (of bytes).
    """

    def __init__(self, merges: Sequence[tuple[int, int]]) -> None:
        self.merges: list[tuple[int, int]] = []
        self.token_bytes = [bytes([byte]) for byte in range(BYTES)]
        names = [*byte_names()]  # what the library calls the tokens
        known = set(names)
        for i, given in enumerate(merges if is_many(merges) else [merges]):
            ids = given if isinstance(given, list | tuple) else []
            pair = tuple(int(part) for part in ids if is_whole(part) and 0 <= part < len(names))
            name = "".join(names[part] for part in pair)
            if not len(ids) == len(pair) == 2 or name in known or len(name) > LONGEST:
                raise InputError(
                    f"merges[{i}] must be two ids from 0 to {len(names) - 1} that make a new token "
                    f"of at most {LONGEST:,} bytes, got {given!r:.40}."
                )
            self.merges.append(pair)
            self.token_bytes.append(self.token_bytes[pair[0]] + self.token_bytes[pair[1]])
            names.append(name)
            known.add(name)
        self.vocab = [text_of_bytes(token) for token in self.token_bytes]
        self._library = Tokenizer(
            models.BPE(
                vocab={name: i for i, name in enumerate(names)},
                merges=[(names[left], names[right]) for left, right in self.merges],
            )
        )
        self._library.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)

    @classmethod
    def train(cls, text: str, vocab_size: int) -> BPETokenizer:
        """Merge the most frequent pair, again and again, until there are vocab_size tokens.

        Of pairs that are equally frequent the library takes the first in its own order of tokens,
        so a text has the same merges everywhere. It ends early where no pair comes twice. Raises
        ValueError for an empty text and a vocab_size below 256, the bytes.
        """
        library = cls([])._library
        trainer = trainers.BpeTrainer(
            vocab_size=checked_count("vocab_size", vocab_size, first=BYTES),
            min_frequency=2,
            max_token_length=LONGEST,
            initial_alphabet=byte_names(),
            show_progress=False,
        )
        library.train_from_iterator([whole_text(text, least=1)], trainer)
        merges, id_of = [], {name: i for i, name in enumerate(byte_names())}
        for left, right in json.loads(library.to_str())["model"]["merges"]:
            merges.append((id_of[left], id_of[right]))
            id_of[left + right] = len(id_of)
        return cls(merges)

    def encode(self, text: str) -> list[int]:
        """Return the ids of a text."""
        return self._library.encode(whole_text(text)).ids

    def decode(self, ids: Tensor | Iterable[int]) -> str:
        """Return the text of ids (T,); bytes that make no character become U+FFFD, a replacement.

        Raises ValueError for an id that is not there.
        """
        return b"".join(to_tokens(ids, self.token_bytes)).decode("utf-8", "replace")

    def merge_steps(self, text: str) -> Iterator[list[int]]:
        """Yield the ids of a text after 0, 1, 2, ... merges; the last are those of encode."""
        byte_of = {name: byte for byte, name in enumerate(byte_names())}
        ids: list[int] = []
        for piece, _ in self._library.pre_tokenizer.pre_tokenize_str(whole_text(text)):
            ids += [*(byte_of[name] for name in piece), -1]  # no merge goes across -1
        yield [i for i in ids if i >= 0]
        for new_id, pair in enumerate(self.merges, start=BYTES):
            ids = merge_pair(ids, pair, new_id) if pair[0] in ids else ids
            yield [i for i in ids if i >= 0]

    @property
    def vocab_size(self) -> int:
        """The number of tokens: 256 and the merges."""
        return len(self.vocab)

    def to_json(self) -> str:
        """Return all that tokenizer_from_json needs."""
        return json.dumps({"kind": "bpe", "merges": self.merges})

    def __repr__(self) -> str:
        return f"BPETokenizer({self.vocab_size:,} tokens)"


def merge_pair(ids: list[int], pair: tuple[int, int], new_id: int) -> list[int]:
    """Return ids with new_id in place of each pair, from left to right."""
    merged: list[int] = []
    for i in ids:
        if merged and (merged[-1], i) == pair:
            merged[-1] = new_id
        else:
            merged.append(i)
    return merged


@cache
def byte_names() -> tuple[str, ...]:
    """Return what a byte-level vocabulary calls the 256 bytes: those without a sign get another."""
    names = sorted(pre_tokenizers.ByteLevel.alphabet())
    signs = {ord(name) for name in names}
    others = (name for name in names if ord(name) >= BYTES)
    return tuple(chr(byte) if byte in signs else next(others) for byte in range(BYTES))


def text_of_bytes(token: bytes) -> str:
    """Return a token's text; bytes that are no character, as <0xE2>."""
    text = token.decode("utf-8", "surrogateescape")
    return re.sub("[\udc80-\udcff]", lambda found: f"<0x{ord(found[0]) - 0xDC00:02X}>", text)
