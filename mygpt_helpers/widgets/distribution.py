"""The live picture of a next-token distribution, with sliders. First used in lesson 04.

The browser computes and draws (rule.js, distribution.js), so that the bars follow the finger even
while the kernel is busy. Only where the learner's own function takes the place of the built-in rule
does the kernel compute, and then it sends the shown numbers and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import traitlets
from torch import Tensor

from ..checks import checked_count, checked_ids, plain
from ..pictures.distributions import Distribution, summarize
from ..pictures.tables import visible_title
from ..sampling import next_token_probs
from .base import LivePicture, Shown, Slider, browser_code, shown_labels
from .inputs import KNOBS, checked_knobs, checked_row, neutral_values, slider_stops, texts_of
from .own_rule import probs_by_own_rule
from .steps import sent_distribution, shown_distribution


class DistributionWidget(LivePicture):
    """A next-token distribution that follows sliders for the knobs of `next_token_probs`.

    logits: (V,), any float dtype. labels: V strings, or a function from an id to its text, such as
    tokenizer.decode. knobs: which sliders to show. temperature ... repetition_penalty: where each
    knob starts, shown or not; they are attributes too, plain numbers without gradients: reading one
    gives what the slider says, and setting it moves the slider. previous_ids: (T,), for
    repetition_penalty.
    probs_function: used in place of the built-in rule, called as f(logits, **shown_knobs), returns
    probabilities (V,). num_bars: how many tokens to show, those with the largest logits. Raises
    ValueError for logits, labels or knobs out of range. Used from lesson 04 on.
    """

    _esm = browser_code("bars", "rule", "distribution")

    temperature = traitlets.TraitType(1.0).tag(sync=True)
    top_k = traitlets.TraitType(None, allow_none=False).tag(sync=True)
    top_p = traitlets.TraitType(None, allow_none=False).tag(sync=True)
    min_p = traitlets.TraitType(None, allow_none=False).tag(sync=True)
    repetition_penalty = traitlets.TraitType(None, allow_none=False).tag(sync=True)

    def __init__(
        self,
        logits: Tensor,
        labels: Sequence[str] | Callable[[int], str],
        *,
        knobs: Sequence[str] = ("temperature",),
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        min_p: float | None = None,
        repetition_penalty: float | None = None,
        previous_ids: Tensor | None = None,
        probs_function: Callable[..., Tensor] | None = None,
        num_bars: int = 12,
        title: str = "",
    ) -> None:
        """Check everything, sort once, and draw the picture for the starting values."""
        self._shown_knobs, num_bars = checked_knobs(knobs), checked_count("num_bars", num_bars)
        self._logits = checked_row(logits)  # (V,)
        self._given = logits.detach().clone()  # (V,); the caller may change the original
        self._rule, self._neutral = probs_function, neutral_values(len(logits))

        order = self._logits.argsort(descending=True, stable=True)  # (V,): rank -> id
        ranks = order.argsort()  # (V,): id -> rank
        self._shown = order[:num_bars]  # (num_bars,)
        self._texts = texts_of(labels, self._shown.tolist(), len(order))
        self._ids = order[:0]  # (T,)
        if previous_ids is not None:
            self._ids = checked_ids(previous_ids, self._logits).detach().cpu()
        # A knob that can be used on these logits can be used on all: the outermost and the used.
        ends = self._logits[self._logits.isfinite()].aminmax()
        self._few = torch.stack([*ends, *self._logits[self._ids]])  # (2 + T,)
        needs_none = previous_ids is not None or probs_function is not None
        places = torch.arange(2, len(self._few), device="cpu")
        self._few_ids = places if needs_none else previous_ids

        given = (temperature, top_k, top_p, min_p, repetition_penalty)
        start = {knob: self._valid(knob, value) for knob, value in zip(KNOBS, given, strict=True)}
        self._about = title
        self.question = self._shown_knobs if probs_function is not None else ()
        # The browser needs no token ids: it knows a token by its rank, the place in the logits
        # sorted with the largest first. The shown ones are the first ranks.
        data = {
            "logits": self._logits[order].numpy().astype("<f4").tobytes(),  # (V,)
            "used_ranks": ranks[self._ids].unique().numpy().astype("<i4").tobytes(),
            "labels": shown_labels([*self._texts.values()]),
            "start": {knob: start[knob] for knob in self._shown_knobs},  # where reset goes
            "title": visible_title(title),
        }
        sliders = [self._slider(knob) for knob in self._shown_knobs]
        label = title or "Next-token distribution"
        super().__init__(label=label, data=data, sliders=sliders, **start)

    def _slider(self, knob: str) -> Slider:
        off = (self._neutral.get(knob), " (all)" if knob == "top_k" else " (off)")
        return Slider(knob, knob, stops=slider_stops(knob, self._logits), off=off)

    def _valid(self, knob: str, value: float | None) -> float | None:
        """Return a knob's value as a plain number, or raise next_token_probs' ValueError."""
        if value is None and knob in self._shown_knobs:
            value = self._neutral.get(knob)  # a slider has to stand somewhere
        value = plain(value)
        next_token_probs(self._few, **{knob: value}, previous_ids=self._few_ids)
        if value is None:
            return None
        return int(value) if knob == "top_k" else float(value)

    @traitlets.validate(*KNOBS)
    def _validate_knob(self, proposal: traitlets.Bunch) -> float | None:
        return self._valid(proposal.trait.name, proposal.value)

    def answer(self, **knobs: float) -> tuple[Distribution, dict[str, Any]]:
        """Return the distribution of the learner's own function; see LivePicture.answer."""
        now = self._summary(probs_by_own_rule(self._rule, self._given, knobs), knobs)
        return now, sent_distribution(now)

    def _summary(self, probs: Tensor, knobs: dict[str, float | None]) -> Distribution:
        told = {k: v for k, v in knobs.items() if v is not None and v != self._neutral.get(k)}
        return summarize(
            self._logits,
            probs,
            self._texts.__getitem__,
            num_bars=len(self._texts),
            setting=", ".join(f"{knob} {value:g}" for knob, value in told.items()),
            title=self._about,
        )

    def shown(self) -> Shown:
        """Return what is shown where the sliders stand now, or of the last good answer."""
        if self._rule is None:
            knobs = {knob: getattr(self, knob) for knob in KNOBS}
            probs = next_token_probs(self._logits, **knobs, previous_ids=self._ids)
            return shown_distribution(self._summary(probs, knobs))
        if self._good is None:
            rows = [[f'"{short}"', None, ""] for short, _ in self._data["labels"]]
            return Shown("", None, {"title": self._data["title"], "rows": rows})
        return shown_distribution(self._good)
