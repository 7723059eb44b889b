"""From text to ids and back: by characters, by words, by byte pairs. Built in lesson 13.

All three are used alike: train(text) learns the vocabulary, encode(text) gives ids, decode(ids) the
text, and to_json() what tokenizer_from_json reads. They learn from the training text alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

from torch import Tensor

from .byte_pairs import BPETokenizer
from .checks import checked_text, checked_texts, whole_text
from .corpus import to_tokens
from .errors import CheckpointError, InputError


class CharTokenizer:
    """One token for each character that the training text has, in the order of their code points.

    vocab: the tokens' texts; a token's id is its place. unknown: the token, "<unk>" say, that
    stands for every character without one; None to refuse such a text instead. Raises ValueError
    for a vocabulary that holds more than single characters and unknown. Built in lesson 13.
    """

    kind, piece = "char", "character"

    def __init__(self, vocab: Sequence[str], unknown: str | None = None) -> None:
        self.vocab, self.unknown = [*checked_texts("vocab", vocab)], unknown
        self._id_of = {token: i for i, token in enumerate(self.vocab)}
        wrong = [
            t for t in self.vocab if self.split(whole_text(t)) != [t] and t != (unknown or None)
        ]
        if wrong or len(self._id_of) < len(self.vocab) or not self.vocab:
            what = f"got {min(wrong)!r:.40}" if wrong else "each of them once, and at least one"
            raise InputError(f"vocab must hold a {self.piece} in each place; {what}.")
        if unknown is not None and whole_text(unknown) not in self.vocab:
            raise InputError(f"unknown must be a token of the vocabulary, got {unknown!r:.40}.")

    @classmethod
    def train(cls, text: str, unknown: str | None = None) -> CharTokenizer:
        """Make the vocabulary from a text; unknown: see the class. ValueError for an empty text."""
        vocab = sorted(set(cls.split(whole_text(text, least=1))))
        new = [] if unknown is None or unknown in vocab else [checked_text("unknown", unknown)]
        return cls([*vocab, *new], unknown)

    @staticmethod
    def split(text: str) -> list[str]:
        """Cut a text into the pieces that become tokens."""
        return list(text)

    def encode(self, text: str) -> list[int]:
        """Return the ids of a text; ValueError names what is unknown, and its place from 0."""
        pieces = self.split(whole_text(text))
        unknown = self._id_of.get(self.unknown)
        ids = [self._id_of.get(piece, unknown) for piece in pieces]
        if None in ids:
            first = ids.index(None)
            place = sum(map(len, pieces[:first]))
            raise InputError(
                f"the {self.piece} {pieces[first]!r:.40} at position {place} of the text has no "
                "token: the training text did not have it. Leave it out, or train with "
                'unknown="<unk>", a token for all such.'
            )
        return ids

    def decode(self, ids: Tensor | Iterable[int]) -> str:
        """Return the text of ids (T,); ValueError for an id that is not there."""
        return "".join(to_tokens(ids, self.vocab))

    @property
    def vocab_size(self) -> int:
        """The number of tokens."""
        return len(self.vocab)

    def to_json(self) -> str:
        """Return all that tokenizer_from_json needs."""
        return json.dumps({"kind": self.kind, "vocab": self.vocab, "unknown": self.unknown})

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.vocab_size:,} tokens)"


class WordTokenizer(CharTokenizer):
    """One token for each word, punctuation mark and white-space character of the training text.

    Every word that the training text does not have is unknown, however alike: "dogs" beside "dog".
    Else as CharTokenizer. Used in lesson 13.
    """

    kind, piece = "word", "word"

    @staticmethod
    def split(text: str) -> list[str]:
        """Cut a text into words, and single other characters."""
        return re.findall(r"\w+|\W", text)


KINDS: dict[str, Any] = {"char": CharTokenizer, "word": WordTokenizer, "bpe": BPETokenizer}


def tokenizer_from_json(text: str) -> CharTokenizer | BPETokenizer:
    """Return the tokenizer whose to_json() this is; CheckpointError for any other text.

    Nothing in it is run, and all of it is checked. Used in lesson 13.
    """
    try:
        fields = json.loads(text)
        return KINDS[fields.pop("kind")](**fields)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        said = f"{type(error).__name__}: {error}"
        raise CheckpointError(
            f"this is no tokenizer that to_json wrote, or it is damaged ({said:.200}). Train one "
            "anew, or take another copy."
        ) from None
