"""A slider through distributions that were computed before. First used in lesson 01."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from ..pictures.distributions import (
    STATES,
    Distribution,
    distribution_figure,
    distribution_text,
)
from ..pictures.tables import visible_title
from .base import LivePicture, Place, Shown, Slider, browser_code, shown_labels
from .inputs import checked_parts


class StepsWidget(LivePicture):
    """One distribution at a time out of several, chosen by a slider: positions, say, or moments.

    distributions: made by summarize; their titles say which step is which. label: the slider's
    name. start: the step shown first; `step` is an attribute too, from 0. Raises ValueError for no
    distributions, or a step that is not there. Used from lesson 01 on.
    """

    _esm = browser_code("bars", "steps")

    step = Place().tag(sync=True)

    def __init__(
        self, distributions: Sequence[Distribution], *, label: str = "step", start: int = 0
    ) -> None:
        """Take the distributions and send what the browser shows of them."""
        self._all = checked_parts("distributions", distributions, Distribution, "made by summarize")
        steps = [sent_distribution(d) for d in self._all]
        counts = [f"{number} of {len(steps)}" for number in range(1, len(steps) + 1)]
        spoken = [f"{count}: {step['title']}" for count, step in zip(counts, steps, strict=True)]
        knob = Slider(label, "step", counts, spoken=spoken)
        super().__init__(label=label, data={"steps": steps}, sliders=[knob], step=start)

    def shown(self) -> Shown:
        """Return what is shown of the step."""
        return shown_distribution(self._all[self.step])


def sent_distribution(d: Distribution) -> dict[str, Any]:
    """Return what bars.js draws of a distribution."""
    return asdict(d) | {"labels": shown_labels(d.labels), "title": visible_title(d.title)}


def shown_distribution(d: Distribution) -> Shown:
    """Return what is shown of a distribution: rows of token, probability and state."""
    kept = [d.num_kept, d.vocab_size] if d.num_kept < d.vocab_size else []
    facts = [*kept, d.entropy, math.exp(d.entropy)]
    page = {"title": visible_title(d.title), "facts": facts, "rows": bar_rows(d)}
    return Shown(distribution_text(d), lambda: distribution_figure(d), page)


def bar_rows(d: Distribution) -> list[list[Any]]:
    """Return the rows that bars.js shows of a distribution: token, probability, state."""
    tokens = enumerate(zip(shown_labels(d.labels), d.after, strict=True))
    rows = [[f'"{short}"', p, STATES[d.state(i)]] for i, ((short, _), p) in tokens]
    if d.rest_count:
        others = f"{d.rest_count:,} other{'s' * (d.rest_count > 1)}"
        rows.append([others, d.rest_mass, STATES["top" if max(d.after) < d.largest else ""]])
    return rows
