"""Two or three distributions under one set of sliders. First used in lesson 05."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.figure import Figure
from torch import Tensor

from ..checks import at_least_float32, checked_texts
from ..errors import InputError
from ..generation import Step
from ..pictures.base import DPI, printable
from ..pictures.distributions import (
    OUTLINE,
    Distribution,
    distribution_text,
    draw_bars,
    footer,
)
from ..pictures.tables import visible_title
from ..sampling import next_token_probs
from .base import Shown, browser_code
from .inputs import KNOBS, checked_knobs, checked_steps
from .knobs import KnobsPicture, Scores
from .steps import sent_distribution, shown_distribution

MOST = 3
FACTS = ("kept", "mass kept", "top token", "entropy")
START = dict.fromkeys(KNOBS) | {"temperature": 1.0}


@dataclass(frozen=True)
class Compared(Distribution):
    """A distribution, and how it was cut."""

    kept_mass: float = 1.0  # what the kept tokens had together before the cut
    ties: int = 0  # how many share the edge of top-k, where that makes it keep more than k


class SideBySideWidget(KnobsPicture):
    """One to three distributions of one vocabulary, under one set of sliders for the knobs.

    steps: what trace returns, or a list of some; read are their logits, and for repetition_penalty
    their ids. label_of: a function from an id to its text, such as tokenizer.decode, or V strings.
    titles: one for each step. knobs, probs_function and where the knobs start (temperature=0.7,
    top_k=40) are those of DistributionWidget, and so are the attributes. num_bars: how many tokens
    each shows. Raises ValueError for what are no steps, for more than three, for steps of different
    vocabularies, for other numbers of titles and for knobs out of range. Used from lesson 05 on.
    """

    _esm = browser_code("bars", "rule", "knobs", "side_by_side")

    def __init__(
        self,
        steps: Step | Iterable[Step],
        label_of: Callable[[int], str] | Sequence[str],
        *,
        knobs: Sequence[str] = ("temperature", "top_k"),
        titles: Sequence[str] = (),
        num_bars: int = 10,
        probs_function: Callable[..., Tensor] | None = None,
        **start: float | None,
    ) -> None:
        """Check everything, and draw the picture for the starting values."""
        steps = checked_steps(steps, most=MOST)
        titles = checked_texts("titles", titles) or ("",) * len(steps)
        if len(titles) != len(steps):
            raise InputError(f"titles must be {len(steps)}, one a step; got {len(titles)}.")
        parts = [
            Scores.of(step.logits, label_of, num_bars, title, step.ids)
            for step, title in zip(steps, titles, strict=True)
        ]
        checked_knobs(start)
        super().__init__(
            parts,
            {"parts": [part.sent() for part in parts]},
            knobs=knobs,
            start=START | start,
            probs_function=probs_function,
            looks_back=True,
            label="Distributions side by side",
        )

    def sent(self, now: Sequence[Distribution]) -> dict[str, Any]:
        """Return what the browser draws of an answer."""
        return {"parts": [*map(sent_distribution, now)]}

    def _summary(
        self, part: Scores, probs: Tensor, kept: Tensor, knobs: Mapping[str, float | None]
    ) -> Compared:
        d = super()._summary(part, probs, kept, knobs)
        uncut = {name: knobs.get(name) for name in ("temperature", "repetition_penalty")}
        if uncut["temperature"] is None:
            uncut["temperature"] = START["temperature"]
        before = next_token_probs(part.logits, **uncut, previous_ids=part.ids)  # (V,)
        left, top_k = at_least_float32("probs", probs)[kept], knobs.get("top_k") or math.inf
        ties = int((left == left.min()).sum())
        is_edge = d.num_kept - ties < top_k < d.num_kept
        mass = float(before[kept].double().sum())
        return Compared(**vars(d), kept_mass=mass, ties=ties if is_edge else 0)

    def shown(self) -> Shown:
        """Return what is shown where the sliders stand now, or of the last good answer."""
        now = self.now()
        if now is None:
            blank = [[name, None] for name in FACTS]
            return Shown("", None, {"rows": [r for p in self._parts for r in p.blank() + blank]})
        rows = [row for d in now for row in _rows(d)]
        return Shown("\n\n".join(map(_text, now)), lambda: _figure(now), {"rows": rows})


def _rows(d: Compared) -> list[list[Any]]:
    """Return what the page says of one distribution: its tokens, and the facts below them."""
    kept = [*dict.fromkeys([d.num_kept, d.vocab_size]), *filter(None, [d.ties])]
    facts = zip(FACTS, [kept, d.kept_mass, d.largest, [d.entropy]], strict=True)
    return shown_distribution(d).page["rows"] + [*map(list, facts)]


def _cut(d: Compared, digits: int) -> str:
    ties = f", {d.ties:,} tokens tie at the edge of top_k" if d.ties else ""
    return f"mass kept {d.kept_mass:.{digits}f}{ties}"


def _text(d: Compared) -> str:
    return f"{distribution_text(d)}\n{_cut(d, 2)}"


def _figure(now: Sequence[Compared]) -> Figure:
    """Return bar charts side by side, on one scale."""
    height, width = 1.55 + 0.25 * max(len(d.labels) for d in now), 4.6 * len(now)  # inches
    figure = Figure(figsize=(width, height), dpi=DPI)
    longest = max(max(*d.before, *d.after) for d in now)
    for left, d in enumerate(now):
        tall = 0.25 * len(d.labels)
        box = (4.6 * left + 1.75, height - 0.5 - tall, 1.75, tall)
        axes = figure.add_axes((box[0] / width, box[1] / height, box[2] / width, box[3] / height))
        draw_bars(axes, d, longest=longest)
        x = (4.6 * left + 0.1) / width
        about = {"parse_math": False, "transform": figure.transFigure}
        title = printable(visible_title(d.title, 48))
        figure.text(x, 1 - 0.2 / height, title, weight="bold", **about)
        figure.text(x, 1 - 0.4 / height, d.setting, size=9, **about)
        lines = [*footer(d, 3), _cut(d, 3), OUTLINE]
        for place, line in enumerate(lines):
            y = box[1] - 0.22 - 0.18 * place
            figure.text(x, y / height, line, size=8, **about)
    return figure
