"""Sliders through texts that were generated before, token by token. First used in lesson 12."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from ..pictures.base import bundle, visible_title
from ..pictures.strips import PER_ROW, Strip, strip_figure, strip_text
from .grids import shown_labels
from .inputs import browser_code, checked_place, checked_stops


class StripsWidget(anywidget.AnyWidget):
    """One strip at a time out of several, and as much of it as the second slider says.

    strips: one for each stop; stops: their names. label, length_label: the sliders' names. start:
    the strip shown first, from 0; length: how many tokens are shown, from 1 to the longest strip's
    (None: all). Both are attributes too, `strip` and `length`. Raises ValueError for strips and
    stops that do not fit, and for places that are not there. Used from lesson 12 on.
    """

    _esm = browser_code("knobs", "strips")
    _css = Path(__file__).parent / "live.css"

    strip = traitlets.Int().tag(sync=True)
    length = traitlets.Int().tag(sync=True)
    _strips = traitlets.List().tag(sync=True)
    _knobs = traitlets.Dict().tag(sync=True)  # the sliders' names, and the first one's stops
    _per_row = traitlets.Int(PER_ROW).tag(sync=True)

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
        self._all = list(strips)
        if not self._all or not all(isinstance(strip, Strip) for strip in self._all):
            raise ValueError("strips must hold at least one, each a Strip.")
        stops = checked_stops(label, stops)
        if len(stops) != len(self._all):
            raise ValueError(
                f"stops must have {len(self._all)} texts, one for each strip; got {len(stops)}."
            )
        self._longest = max(len(strip.tokens) for strip in self._all)
        names = {"label": visible_title(label), "length_label": visible_title(length_label)}
        super().__init__(
            strip=start,
            length=self._longest if length is None else length,
            _strips=[*map(_sent, self._all)],
            _knobs={**names, "stops": stops, "longest": self._longest},
        )

    @traitlets.validate("strip")
    def _validate_strip(self, proposal: traitlets.Bunch) -> int:
        return checked_place("strip", proposal.value, len(self._all))

    @traitlets.validate("length")
    def _validate_length(self, proposal: traitlets.Bunch) -> int:
        return checked_place("length", proposal.value, self._longest, first=1)

    def _repr_mimebundle_(self, **kwargs: object) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return one bundle: the live view, and for where it cannot run, a PNG and the text."""
        data, metadata = super()._repr_mimebundle_(**kwargs)
        now = self._all[self.strip]
        figure = strip_figure(now, length=self.length)
        still, about = bundle(figure, strip_text(now, length=self.length))
        return data | still, metadata | about


def _sent(strip: Strip) -> dict[str, Any]:
    """Return what the browser shows of one strip."""
    return {
        "title": visible_title(strip.title),
        "tokens": shown_labels(strip.tokens),
        "right": list(strip.right),
        "facts": visible_title(strip.facts),
    }
