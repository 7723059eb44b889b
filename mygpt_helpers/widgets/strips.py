"""Sliders through texts that were generated before, token by token. First used in lesson 12."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..errors import InputError
from ..pictures.strips import PER_ROW, Strip, strip_figure, strip_text
from ..pictures.tables import visible_title
from .base import LivePicture, Place, Shown, Slider, browser_code, shown_labels
from .inputs import checked_parts, checked_stops


class StripsWidget(LivePicture):
    """One strip at a time out of several, and as much of it as the second slider says.

    strips: one for each stop; stops: their names. label, length_label: the sliders' names. start:
    the strip shown first, from 0; length: how many tokens are shown, from 1 to the longest strip's
    (None: all). Both are attributes too, `strip` and `length`. Raises ValueError for strips and
    stops that do not fit, and for places that are not there. Used from lesson 12 on.
    """

    _esm = browser_code("scroller", "strips")

    strip = Place().tag(sync=True)
    length = Place().tag(sync=True)

    def __init__(
        self,
        strips: Sequence[Strip],
        stops: Sequence[str],
        *,
        label: str = "trained length",
        length_label: str = "tokens",
        start: int = 0,
        length: int | None = None,
    ) -> None:
        """Take the strips and send them to the browser."""
        self._all = checked_parts("strips", strips, Strip, "a Strip")
        stops = checked_stops(label, stops)
        if len(stops) != len(self._all):
            raise InputError(
                f"stops must have {len(self._all)} texts, one for each strip; got {len(stops)}."
            )
        lengths = range(1, max(len(strip.tokens) for strip in self._all) + 1)
        knobs = [Slider(label, "strip", stops), Slider(length_label, "length", stops=lengths)]
        super().__init__(
            label=label,
            data={"strips": [*map(_sent, self._all)], "per_row": PER_ROW},
            sliders=knobs,
            strip=start,
            length=lengths[-1] if length is None else length,
        )

    def shown(self) -> Shown:
        """Return what is shown: rows of a position and the tokens from there, wrong ones with ✕."""
        whole, sent, length = self._all[self.strip], self._data["strips"][self.strip], self.length
        tiles = zip(sent["tokens"], sent["right"], strict=True)
        texts = ["✕" * (right is False) + short for (short, _), right in tiles][:length]
        starts = range(0, len(texts), PER_ROW)
        rows = [[str(start), *texts[start : start + PER_ROW]] for start in starts]
        page = {"title": sent["title"], "facts": sent["facts"][len(texts) - 1], "rows": rows}
        text = strip_text(whole, length=length)
        return Shown(text, lambda: strip_figure(whole, length=length), page)


def _sent(strip: Strip) -> dict[str, Any]:
    """Return what the browser shows of one strip; facts: for each length, from 1."""
    summaries = [strip.summary(length) for length in range(1, len(strip.tokens) + 1)]
    below = visible_title(strip.facts)
    return {
        "title": visible_title(strip.title),
        "tokens": shown_labels(strip.tokens),
        "right": list(strip.right),
        "facts": [f"{summary}\n{below}".strip() for summary in summaries],
    }
