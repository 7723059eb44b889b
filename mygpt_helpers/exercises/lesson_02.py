"""The exercises of lesson 02: the loop, a rule of your own in it, and streaming."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import torch

from .calls import TooManyCalls
from .cases import float32
from .engine import Exercise
from .loop_02 import loop, models_and_prompts, stops_before, write


def pick(logits: torch.Tensor, ids: torch.Tensor) -> int:
    """Return the id of the largest of logits (V,) that is not the last of ids (T,)."""
    allowed = logits.clone()  # (V,): the caller's stay as they are
    allowed[ids[-1]] = -torch.inf
    return int(allowed.argmax())


def _logits_and_ids() -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    rows = [[1.0, 3.0, 2.0], [-1.0, -3.0, -2.0], [0.5, 0.0, -4.0, 2.0, 1.5]]
    for row in rows:
        ranked = sorted(range(len(row)), key=lambda i: -row[i])
        for ids in ([1, ranked[0]], [0, ranked[-1]], [ranked[0]], [ranked[0], ranked[2]]):
            yield float32(row), torch.tensor(ids)


def _picked(forbid: Callable, value: float = -torch.inf) -> Callable:
    """Make a rule that forbids other ids than the last, or not by minus infinity."""

    def rule(logits: torch.Tensor, ids: torch.Tensor) -> int:
        allowed = logits.clone()
        allowed[forbid(ids)] = value
        return int(allowed.argmax())

    return rule


def stream(decode: Callable[[list[int]], str], ids: Iterable[int]) -> Iterator[str]:
    """Yield the text of ids as they come, but never a part of a character."""
    known, shown = [], ""
    for token_id in ids:
        known.append(token_id)
        text = decode(known)
        if not text.endswith("\ufffd"):  # else the character's other bytes are still to come
            yield text[len(shown) :]
            shown = text
    yield decode(known)[len(shown) :]  # a character that was never finished


def _bytes_of_texts() -> Iterator[tuple[Callable, list[int]]]:
    def decode(ids: list[int] | int) -> str:  # as tokenizer.decode, of one id too
        known = [ids] if isinstance(ids, int) else ids
        return bytes(known).decode("utf-8", errors="replace")

    broken = "😊".encode()[:-1]
    for text in ("Hi", "hé", "a 😊", "日本", "🍺!", "no", "é"):
        yield decode, [*text.encode()]
    yield decode, [*b"ab", *broken]
    yield decode, [*b"a", *broken, *b"bcd"]
    yield decode, [*"a\ufffdbcd".encode()]  # the sign itself, as a character of the text


def _shown_when(function: Callable, decode: Callable, ids: list[int]) -> dict[str, object]:
    """Observe what has been yielded each time the next id is asked for, and in the end."""
    pieces: list[str] = []
    seen: list[str] = []

    def watched() -> Iterator[int]:
        for token_id in ids:
            seen.append("".join(pieces))
            yield token_id
        seen.append("".join(pieces))

    given = function(decode, watched())
    for piece in [given] if isinstance(given, str) else given:
        pieces.append(piece)
        if len(pieces) > 100:
            raise TooManyCalls("more than 100 pieces came; does it end?")
    when = {f"what is shown after {n} of {len(ids)} ids": text for n, text in enumerate(seen) if n}
    return {**when, "the whole text": "".join(pieces)}


def _streamed(piece: Callable, wait: bool = False, rest: bool = True) -> Callable:
    """Make a stream whose pieces come from piece(decode, known, shown), or all at the end."""

    def pieces(decode: Callable, ids: Iterable[int]) -> Iterator[str]:
        known, shown = [], ""
        for token_id in ids:
            known.append(token_id)
            new = "" if wait else piece(decode, known, shown)
            shown += new
            yield new
        if rest:
            yield decode(known)[len(shown) :]

    return pieces


def _whole(decode: Callable, known: list[int], shown: str) -> str:
    text = decode(known)
    return "" if text.endswith("\ufffd") else text[len(shown) :]


EXERCISES = (
    Exercise(
        name="02.loop",
        title="The loop",
        difficulty=2,
        minutes=8,
        solution=write,
        cases=models_and_prompts,
        mistakes={
            "Append: the model needs the whole text, and now it sees the last token alone.": loop(
                join=lambda ids, new: new
            ),
            "Only the scores of the last position are asked for: logits[:, -1].": (
                loop(lambda logits: logits[:, 0].argmax(dim=-1, keepdim=True)),
                loop(lambda logits: logits.argmax(dim=-1)),
                loop(
                    lambda logits: logits.argmax(dim=-1),
                    stop=lambda new, eos: eos is not None and new.item() == eos,
                ),
                loop(lambda logits: logits.argmax().view(1, 1)),
            ),
            "The new token comes last: torch.cat([ids, next_id], dim=1).": loop(
                join=lambda ids, new: torch.cat([new, ids], dim=1)
            ),
            "Stop at eos_token_id, once it is written.": loop(stop=lambda new, eos: False),
            "The end token is written too, and then the loop ends: append first, then look.": (
                stops_before
            ),
            "The prompt is part of the result; slicing it off is for later.": loop(
                result=lambda ids, T: ids[:, T:]
            ),
            "max_new_tokens counts the new tokens alone, and not those of the prompt.": (
                lambda model, ids, most, eos: write(model, ids, most - ids.shape[1], eos)
            ),
            "The prompt may hold the end token, too: look only at the token just written.": (
                lambda model, ids, most, eos: write(
                    model, ids, 1 if eos in ids[0].tolist() else most, eos
                ),
                lambda model, ids, most, eos: write(
                    model, ids, 0 if eos in ids[0].tolist() else most, eos
                ),
            ),
        },
        hints=(
            "One turn: run the model, take the last position's scores, take the top id, append it.",
            "logits[:, -1].argmax(dim=-1, keepdim=True) has shape (1, 1), ready for torch.cat.",
            "After torch.cat, look: if next_id.item() == eos_token_id, break.",
        ),
        why="Each token is chosen from the scores after all tokens before it, so the text has to "
        "grow by one token before the model is asked again.",
        tried="toy models, a GPT-2 and a Qwen3 of random weights, with and without an end token",
    ),
    Exercise(
        name="02.rule",
        title="Never the same token twice in a row",
        difficulty=1,
        minutes=4,
        solution=pick,
        cases=_logits_and_ids,
        mistakes={
            "That is the top token, even where it was the last one.": lambda z, ids: int(
                z.argmax()
            ),
            "That is always the second: the top one is fine unless it was the last token.": (
                lambda z, ids: int(z.argsort(descending=True)[1])
            ),
            "Only the last token is forbidden: ids[-1], not all of them.": _picked(lambda ids: ids),
            "The last token is ids[-1]; ids[0] is the first.": _picked(lambda ids: ids[0]),
            "A score of 0 may still be the largest: use -torch.inf.": _picked(
                lambda ids: ids[-1], 0.0
            ),
            "An id is asked for, not a score.": lambda z, ids: float(z[pick(z, ids)]),
        },
        keep="The picture shows the model's scores, too: change a copy, logits.clone().",
        hints=(
            "Make the last token's score so low that it can't be the largest.",
            "allowed = logits.clone(), then allowed[ids[-1]] = -torch.inf, then argmax.",
        ),
        why="A score of minus infinity is a probability of 0. All bans in text generation are made "
        "this way.",
        tried="scores above and below 0, the last token on top and not",
    ),
    Exercise(
        name="02.stream",
        title="Stream whole characters",
        difficulty=3,
        minutes=10,
        solution=stream,
        cases=_bytes_of_texts,
        observe=_shown_when,
        mistakes={
            "A character of several tokens comes out in pieces: decode all ids so far, not one.": (
                _streamed(lambda decode, known, shown: decode(known[-1:]), rest=False)
            ),
            "Half a character decodes to \ufffd: wait until the text does not end in it.": (
                _streamed(lambda decode, known, shown: decode(known)[len(shown) :], rest=False)
            ),
            "That is the whole text again: yield what is new, text[len(shown):].": _streamed(
                lambda decode, known, shown: decode(known), rest=False
            ),
            "Yield as the ids come: here nothing is shown until the last one.": (
                _streamed(_whole, wait=True),
                lambda decode, ids: [decode(list(ids))],
            ),
            "Only the last character may be unfinished: text.endswith, not `in`.": _streamed(
                lambda decode, known, shown: (
                    "" if "\ufffd" in decode(known) else decode(known)[len(shown) :]
                )
            ),
            "Hand over each piece by `yield`; print shows it, and gives nothing back.": (
                lambda decode, ids: print(decode(list(ids)))
            ),
            "At the end, yield what was held back, even if it is broken.": _streamed(
                _whole, rest=False
            ),
        },
        hints=(
            "Keep the ids that came, and how much of their text you have yielded.",
            "text = decode(known); if it does not end in \ufffd, yield text[len(shown):].",
            "After the loop, yield the rest: decode(known)[len(shown):].",
        ),
        why="Only all ids together say what the text is. One that ends in \ufffd may end in half a "
        "character, so it waits for the next id.",
        tried="letters of one byte to four, a character that is never finished, "
        "and the sign \ufffd itself",
        imports="from collections.abc import Callable, Iterable, Iterator",
    ),
)
