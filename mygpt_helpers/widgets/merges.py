"""Byte pairs, merge by merge, under a slider. First used in lesson 13."""

from __future__ import annotations

import traitlets

from ..byte_pairs import BYTES, BPETokenizer
from ..checks import kind_of, whole_text
from ..errors import InputError
from ..pictures.base import LABEL_CHARS
from ..pictures.merges import GROUNDS, merges_figure
from ..pictures.tables import visible, visible_title
from .base import LivePicture, Place, Shown, Slider, browser_code

MOST_CHARS, MOST_MERGES = 600, 1000
ROWS = 5  # of the newest merges


class MergesWidget(LivePicture):
    """A text whose tokens come together, one merge of byte pairs after the other.

    tokenizer: its first 1,000 merges are the slider's stops. text: what is cut, its first 600
    characters; the learner may type another, and the browser cuts it. merges: how many are done at
    the start. `text` and `merges` are attributes. Raises ValueError for another tokenizer than
    BPETokenizer, a text with half a character, and more merges than there are. Used in lesson 13.
    Source: Sennrich et al. 2016.
    """

    _esm = browser_code("chart", "merges")

    merges = Place().tag(sync=True)
    text = traitlets.Unicode().tag(sync=True)

    def __init__(
        self, tokenizer: BPETokenizer, text: str, *, merges: int = 0, title: str = ""
    ) -> None:
        """Send the merges, and what each token is called."""
        if not isinstance(tokenizer, BPETokenizer):
            raise InputError(f"tokenizer must be a BPETokenizer, got {kind_of(tokenizer)}.")
        self._tokenizer = BPETokenizer(tokenizer.merges[:MOST_MERGES])
        pairs = self._tokenizer.merges
        data = {
            "pairs": pairs,
            "names": [visible(token, LABEL_CHARS) for token in self._tokenizer.vocab],
            "grounds": [min(len(t), len(GROUNDS)) - 1 for t in self._tokenizer.token_bytes],
            "title": f"{visible_title(title)}: " if title else "",
            "most_chars": MOST_CHARS,
            "num_rows": ROWS,
        }
        slider = Slider("merges", "merges", stops=range(len(pairs) + 1))
        about = {"label": "Byte pairs, merge by merge", "data": data, "sliders": [slider]}
        super().__init__(**about, merges=merges, text=text)

    @traitlets.validate("text")
    def _validate_text(self, proposal: traitlets.Bunch) -> str:
        return whole_text(proposal.value)[:MOST_CHARS]

    def shown(self) -> Shown:
        """Return the text as it is cut now, the newest merges and the curve."""
        now, chars, data = self.merges, len(self.text), self._data
        names, pairs = data["names"], data["pairs"]
        steps = [*self._tokenizer.merge_steps(self.text)]
        ids, rates = steps[now], [len(ids) / max(1, chars) for ids in steps]
        new_id = BYTES + now - 1 if now else None
        pieces = [(names[i], data["grounds"][i], i == new_id) for i in ids]
        rows = []
        for number in range(now, max(0, now - ROWS), -1):
            pair = " + ".join(names[part] for part in pairs[number - 1])
            count = len(steps[number - 1]) - len(steps[number])
            rows.append([f"{number:,}", pair, names[BYTES + number - 1], count])
        title = f"{data['title']}after {now:,} of {len(pairs):,} merges"
        rate = f"{rates[now]:.2f} tokens per character"
        counted = f"{len(ids):,} tokens for {chars:,} characters: {rate}."
        size = f"Vocabulary: {BYTES} bytes + {now:,} merged = {BYTES + now:,} tokens."
        facts = f"{counted}\n{size}"
        lines = [title, "  " + " ".join(f"[{text}]" if new else text for text, _, new in pieces)]
        lines += [f"  {number}  {pair} → {new}, here: {count}" for number, pair, new, count in rows]
        note = _note(self.text)
        page = {
            "title": title,
            "facts": [len(ids), chars, rates[now], BYTES, now, BYTES + now],
            "rows": [["tokens", *(text for text, _, _ in pieces)], *rows, [f"{len(rates)} points"]],
            "note": note,
        }
        text = "\n".join([*lines, facts, *filter(None, [note])])
        return Shown(text, lambda: merges_figure(title, pieces, facts, rates, now), page)


def _note(text: str) -> str:
    """Return what is to be said of the first character that is more than one byte, if any."""
    char = next((char for char in text if not char.isascii()), "")
    named = " ".join(f"<0x{byte:02X}>" for byte in char.encode())
    return char and (
        f"Character {1 + text.index(char):,} of this text is stored as {len(char.encode())} bytes, "
        f"{named}. One of them alone is no character, so it is shown as a number."
    )
