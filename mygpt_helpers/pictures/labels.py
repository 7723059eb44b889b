"""What a token is called: its own text, so that no two tokens look alike. First used in lesson 01.

To decode a token alone may lose what sets it apart: the decoders of Llama and T5 drop the space at
the start of a text, and a part of a character has no text at all.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache, partial
from typing import TYPE_CHECKING

from ..byte_pairs import byte_names, text_of_bytes
from ..checks import checked_count
from ..errors import InputError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from ..byte_pairs import BPETokenizer
    from ..tokenizing import CharTokenizer

    AnyTokenizer = PreTrainedTokenizerBase | CharTokenizer | BPETokenizer

LAST_ID = 2**31 - 1  # beyond it the tokenizers library raises an error of its own


def token_text(tokenizer: AnyTokenizer, token_id: int) -> str:
    """Return what a token adds to a text, its own space included: " pub".

    tokenizer: transformers', or another whose `vocab` is the list of its tokens' texts. The bytes
    that are no whole character become <0xE2>. What has no text keeps its name in the vocabulary,
    and an id without a token becomes <id 49200>. Raises ValueError for what is no tokenizer, or no
    id. Used from lesson 01 on.
    """
    token_id = checked_count("token_id", token_id, first=0, last=LAST_ID)
    if _has_texts(tokenizer):
        return tokenizer.vocab[token_id] if token_id < len(tokenizer.vocab) else f"<id {token_id}>"
    if not hasattr(tokenizer, "convert_ids_to_tokens"):
        raise InputError(
            "tokenizer must be one of transformers', or have a list of its tokens' texts as vocab; "
            f"got {tokenizer!r:.80}."
        )
    name = tokenizer.convert_ids_to_tokens(token_id)
    if name is None:
        return f"<id {token_id}>"
    decode = _decoder(tokenizer)
    alone = decode([token_id])
    if re.fullmatch("<0x[0-9A-F]{2}>", name):  # a byte, in SentencePiece's vocabularies
        return name
    if "\ufffd" in alone:
        return _with_bytes(name) or alone
    neighbour = _neighbour(tokenizer)
    if neighbour is None or token_id in tokenizer.all_special_ids:
        return alone or name
    # At the start of a text a space may be lost, or at its end: so look at both sides.
    beside, texts = decode([neighbour]), [alone]
    if (after := decode([neighbour, token_id])).startswith(beside):
        texts.append(after.removeprefix(beside))
    if (before := decode([token_id, neighbour])).endswith(beside):
        texts.append(before.removesuffix(beside))
    return max(texts, key=len) or name


def label_function(label_of: Callable[[int], str]) -> Callable[[int], str]:
    """Return label_of; in place of a tokenizer's own decode, token_text of this tokenizer."""
    called = label_of.func if isinstance(label_of, partial) else label_of
    tokenizer = getattr(called, "__self__", None)
    named = hasattr(tokenizer, "all_special_ids") or _has_texts(tokenizer)
    if called == getattr(tokenizer, "decode", None) and named:
        return partial(token_text, tokenizer)
    return label_of


def _has_texts(tokenizer: object) -> bool:
    """Tell whether a tokenizer's vocabulary is a list; transformers' is a dict, slow to make."""
    asked = not hasattr(tokenizer, "convert_ids_to_tokens")
    return asked and isinstance(getattr(tokenizer, "vocab", None), list)


def _decoder(tokenizer: PreTrainedTokenizerBase) -> Callable[[list[int]], str]:
    """Return its decode, which then leaves the space of " ." alone."""
    return partial(tokenizer.decode, clean_up_tokenization_spaces=False)


@lru_cache(maxsize=4)
def _neighbour(tokenizer: PreTrainedTokenizerBase) -> int | None:
    """Return the id of a token that has no space on either side, if there is one."""
    decode, special = _decoder(tokenizer), set(tokenizer.all_special_ids)
    for i in range(len(tokenizer)):  # one of the first, in most vocabularies
        text = decode([i])
        seen = text and text.isprintable() and not {" ", "\ufffd"} & set(text)
        if seen and i not in special and decode([i, i]) == 2 * text:
            return i
    return None


def _with_bytes(name: str) -> str | None:
    """Return the text of a byte-level token's name, bytes that are no character as <0xE2>."""
    byte_of = {char: byte for byte, char in enumerate(byte_names())}
    if not set(name) <= set(byte_of):
        return None
    return text_of_bytes(bytes(byte_of[char] for char in name))
