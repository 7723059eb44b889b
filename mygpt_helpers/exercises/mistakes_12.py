"""Known mistakes of lesson 12: what they give, and what to say about each."""

from collections.abc import Callable

import torch

from .answer import Answer, Wrong, clip, kind, show
from .core import say

VOCAB_SIZE = 4
LAST = "ids[:, -max_seq_len:]"
REMAINDER = "After id 3 comes id 0: take the remainder, % 4."

# --- the first wrong position -------------------------------------------------------------------


def place_advice(place: int, broken: list[int], text: list[int]) -> str:
    """Advise on a wrong position in a text; broken: all that are out of step with its start."""
    first = broken[0]
    slips = [i for i in range(1, len(text)) if text[i] != (text[i - 1] + 1) % VOCAB_SIZE]
    before = "The first id is at position 0, and entry i of a comparison of neighbours is about "
    known = [
        (text[0] != 0 and place == 0, "The cycle begins with the first id, whatever it is."),
        (place == VOCAB_SIZE - text[0] < first, REMAINDER),
        (place == first + 1, "Positions count from 0."),
        (place == first - 1, before + "the token at i + 1."),
        (place in (broken[-1], slips[-1]), "That is the last wrong one; the first is asked for."),
        (place in (len(broken), len(slips)), "That is how many are wrong, not where."),
        (place == text[first], "That is the token there; its position is asked for."),
    ]
    return next((words for holds, words in known if holds), "")


def explain(answer: Answer, error: BaseException, text: list[int], whole: bool) -> None:
    """Raise Wrong with advice for an error that is a known one; whole: no token is wrong."""
    words, past_end = say(error), "The last token has no next one."
    empty = "Here no token is wrong, so the list of the wrong ones is empty: return None."
    advice = ""
    if f"index {len(text)} is out of bounds" in words:
        advice = past_end
    elif whole and isinstance(error, IndexError):
        advice = empty if "size 0" in words else f"{empty} And the last token has no next one."
    if advice:
        raise Wrong(f"{answer.name} raised an error", got=clip(words), advice=advice) from None


# --- the crop -----------------------------------------------------------------------------------


def crop_mistakes(ids: torch.Tensor, n: int, answer: Answer) -> list[tuple[object, str]]:
    """List wrong crops of ids (B, T) to n tokens."""
    T = ids.shape[1]
    batch = "That crops the batch: ids has shape (B, T), so the tokens are ids[:, ...]."
    nothing = "Nothing was cropped: is it max_seq_len tokens, and dimension 1?"
    if n > T and getattr(answer.returned, "shape", None) == (len(ids), n):
        return [(answer.returned, "A shorter text stays as it is: nothing is filled in.")]
    three = answer.probe(torch.arange(12).reshape(3, 4), 2)  # of one text, [-n:] leaves all
    shape = getattr(three, "shape", None)
    count = "Does it ask len(ids)? That is the number of texts, B; of tokens, ids.shape[1]."
    known = [
        (ids, {(2, 4): batch, (3, 2): count, (3, 3): count}.get(shape, nothing)),
        (ids[-n:], batch),
        (ids[:, -n:].float(), "Ids stay whole numbers: return the slice as it is."),
        (ids[:, :n], "Those are the first tokens; the model needs the last ones."),
        (ids[:, n:], "That drops the first max_seq_len tokens; a negative start keeps the last."),
        (ids[:, -n - 1 :], "That is one token too many."),
        (ids[:, -n + 1 :], "That is one token too few."),
        (ids[:, -n:-1], f"That is one token too few: leave the slice's end open, {LAST}."),
        (ids[0, -n:], "A batch stays a batch, (B, T): keep the first dimension."),
        (ids[:1, -n:], "That is the first text alone; each of the batch is asked for."),
        (ids[:, -n:].T, "That is (T, B), transposed; (B, T) is asked for."),
    ]
    if n <= T:
        return [*known, (ids[:, -n], f"That is one column; a slice has a colon, {LAST}.")]
    short = f"This text is shorter than the context: it stays whole. {LAST} sees to that."
    return [(ids[:, T - n :], short), (ids[:, :0], short), *known]


# --- the loop -----------------------------------------------------------------------------------

BATCH_LOGITS = "Its logits are (B, V): there is no position to pick, and argmax over dim -1 "
OWN_LOOP = "Write the loop yourself: next_logits is no model, and generate takes one."
LOOP_ERRORS: dict[str, str | Callable[[BaseException], str]] = {
    "unpack": "next_logits returns the logits alone, (B, V).",
    "number of dimensions": BATCH_LOGITS + "with keepdim=True gives (B, 1).",
    "zero-dimensional": BATCH_LOGITS + "with keepdim=True gives (B, 1).",
    "too many indices": BATCH_LOGITS + "with keepdim=True gives (B, 1).",
    "Sizes of tensors must match": "The new tokens must be (B, 1), one row for each text: "
    "argmax(dim=-1, keepdim=True). Append them at dim=1.",
    "no attribute 'modules'": OWN_LOOP,
    "must return (logits, loss)": OWN_LOOP,
}
ALONE = "n counts the new tokens: one call for each, and `return` after the loop."


def judge_calls(seen: list[object], ids: torch.Tensor, want: torch.Tensor, n: int) -> None:
    """Raise Wrong unless each call was given the last n tokens of the text so far."""
    T = ids.shape[1]
    for count, given in enumerate(seen[: want.shape[1] - T]):
        text = want[:, : T + count]
        asked = text[:, -n:]
        if _equal(given, asked):
            continue
        known = [words for mistake, words in _call_mistakes(text, n) if _equal(given, mistake)]
        if count and not known:
            judge_tokens(given, asked, count, 1)
        advice = [*known, "It takes the last tokens of the text so far: append each new one."][0]
        what = f"call {count + 1} of next_logits was not given what it takes"
        raise Wrong(what, f"next_logits({show(asked)})", f"next_logits({show(given)})", advice)


def judge_tokens(got: object, want: torch.Tensor, call: int, new: int) -> None:
    """Raise Wrong where got (B, T) is want but for a token of the last `new` columns.

    call: the one after which the first of these columns was appended.
    """
    if not isinstance(got, torch.Tensor) or got.shape != want.shape or "complex" in kind(got):
        return
    T = want.shape[1] - new
    if not _equal(got[:, :T], want[:, :T]) or _equal(got, want):
        return
    column, row = (got != want).T.nonzero()[0].tolist()  # the earliest, of the first text
    token, top = show(got[row, column].item()), show(want[row, column].item())
    what = f"the token appended after call {call + column - T} is {token}, its top token is {top}"
    raise Wrong(what, advice=BATCH_LOGITS + "gives the top token of each text. Draw nothing.")


def _call_mistakes(text: torch.Tensor, n: int) -> list[tuple[torch.Tensor, str]]:
    last = f"{LAST} are the last ones"
    return [
        (text, f"It takes at most {n} tokens: {last}, and ids[-max_seq_len:] crops the batch."),
        (text[-n:], f"ids[-max_seq_len:] crops the batch: {last}."),
        (text[:, :n], "Those are the first tokens of the text; it reads the last ones."),
        (text[:, -n + 1 :], f"It can take {n} tokens: give it all that it can take."),
        (text[:, -1:], "That is only the last token: the next one may depend on all before it."),
        (text[0, -n:], "It takes a batch: keep the shape (B, T)."),
        (text[:1, -n:], "Give it the whole batch at once: all the texts in one call."),
    ]


def _equal(given: object, ids: torch.Tensor) -> bool:
    same_shape = isinstance(given, torch.Tensor) and given.shape == ids.shape
    return same_shape and bool((given == ids).all())


def loop_mistakes(want: torch.Tensor, ids: torch.Tensor, n: int) -> list[tuple[object, str]]:
    """List wrong results of the loop from ids (B, T) with a context of n."""
    T = ids.shape[1]
    keep = "Crop what next_logits reads, not what you keep: the whole text is asked for."
    over = torch.cat([ids[:, :-1], want[:, T : T + 1]], dim=1)
    return [
        (want[:, -n:], keep),
        (want[:, -n - 1 :], keep),
        (want[:, T:], "Return the whole text: the prompt and the new tokens."),
        (over, "Append with torch.cat: a new token overwrites none."),
        (want.float(), "Tokens are whole numbers: argmax gives them, max gives the logits."),
        (ids, "torch.cat makes a new tensor, and leaves the old one: ids = torch.cat(...)."),
    ]
