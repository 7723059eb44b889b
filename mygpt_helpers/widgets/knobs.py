"""What the live pictures with sliders for the knobs share. First used in lesson 04.

The browser computes and draws (rule.js, knobs.js), so that the bars follow the finger even while
the kernel is busy. Only where the learner's own function takes the place of the built-in rule does
the kernel compute, and then it sends the shown numbers and nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import traitlets
from torch import Tensor

from ..checks import at_least_float32, checked_count, checked_ids, plain
from ..pictures.distributions import Distribution, summarize
from ..pictures.tables import visible_title
from ..sampling import RULES, apply_knobs, next_token_probs
from .base import LivePicture, Slider, shown_labels
from .inputs import (
    KNOBS,
    checked_knobs,
    checked_row,
    neutral_values,
    off_stop,
    slider_stops,
    texts_of,
)
from .own_rule import probs_by_own_rule


@dataclass(frozen=True, eq=False)
class Scores:
    """One position's logits, and what is shown of them."""

    logits: Tensor  # (V,): float32, on the CPU
    given: Tensor  # (V,): as they came; the caller may change the original
    ids: Tensor  # (T,): the used tokens
    texts: Mapping[int, str]  # of the shown tokens, by id; largest logit first
    title: str

    @classmethod
    def of(
        cls,
        logits: Tensor,
        labels: Sequence[str] | Callable[[int], str],
        num_bars: int,
        title: str,
        previous_ids: Tensor | None,
    ) -> Scores:
        """Check logits (V,), labels and previous_ids (T,), or raise ValueError."""
        num_bars = checked_count("num_bars", num_bars)
        row = checked_row(logits)  # (V,)
        shown = row.argsort(descending=True, stable=True)[:num_bars]  # (num_bars,)
        texts = texts_of(labels, shown.tolist(), len(row))
        ids = shown[:0] if previous_ids is None else checked_ids(previous_ids, row).detach().cpu()
        return cls(row, logits.detach().clone(), ids, texts, title)

    @property
    def few(self) -> Tensor:
        """The outermost and the used logits, (2 + T,): a knob for them is one for all."""
        ends = self.logits[self.logits.isfinite()].aminmax()
        return torch.stack([*ends, *self.logits[self.ids]])

    def sent(self) -> dict[str, Any]:
        """Return what the browser needs.

        That is no token ids: it knows a token by its rank, the place in the logits sorted with the
        largest first. The shown ones are the first ranks.
        """
        order = self.logits.argsort(descending=True, stable=True)  # (V,): rank -> id
        ranks = order.argsort()  # (V,): id -> rank
        return {
            "logits": self.logits[order].numpy().astype("<f4").tobytes(),  # (V,)
            "used_ranks": ranks[self.ids].unique().numpy().astype("<i4").tobytes(),
            "labels": shown_labels([*self.texts.values()]),
            "title": visible_title(self.title),
        }

    def blank(self) -> list[list[Any]]:
        """Return the rows of the page before there is an answer."""
        rows = [[f'"{short}"', None, ""] for short, _ in shown_labels([*self.texts.values()])]
        if others := len(self.logits) - len(rows):
            rows.append([f"{others:,} other{'s' * (others > 1)}", None, ""])
        return rows


class KnobsPicture(LivePicture):
    """One or more distributions under one set of sliders for the knobs of `next_token_probs`.

    Each knob is an attribute: reading it gives what the slider says, and setting it moves the
    slider. A kind of picture defines `shown()` from `now()`, and how an answer is `sent`.
    """

    temperature = traitlets.TraitType(1.0).tag(sync=True)
    top_k = traitlets.TraitType(None, allow_none=False).tag(sync=True)
    top_p = traitlets.TraitType(None, allow_none=False).tag(sync=True)
    min_p = traitlets.TraitType(None, allow_none=False).tag(sync=True)
    repetition_penalty = traitlets.TraitType(None, allow_none=False).tag(sync=True)

    def __init__(
        self,
        parts: Sequence[Scores],
        data: dict[str, Any],
        *,
        knobs: Sequence[str],
        start: Mapping[str, float | None],
        probs_function: Callable[..., Tensor] | None,
        looks_back: bool,
        label: str,
    ) -> None:
        """Take distributions of one V, and the knobs.

        looks_back: whether the parts' ids are given, as repetition_penalty needs.
        """
        self._parts, self._rule = parts, probs_function
        self._shown_knobs = checked_knobs(knobs)
        self._neutral = neutral_values(len(parts[0].logits))
        self._looks_back = looks_back or probs_function is not None
        start = {knob: self._valid(knob, start[knob]) for knob in KNOBS}
        self.question = self._shown_knobs if probs_function is not None else ()
        data["start"] = {knob: start[knob] for knob in self._shown_knobs}  # where reset goes
        sliders = [self._slider(knob) for knob in self._shown_knobs]
        super().__init__(label=label, data=data, sliders=sliders, **start)

    def _slider(self, knob: str) -> Slider:
        off = off_stop(knob, len(self._parts[0].logits))
        stops = [slider_stops(knob, part.logits) for part in self._parts]
        return Slider(knob, knob, stops=sorted(set.intersection(*map(set, stops))), off=off)

    def _valid(self, knob: str, value: float | None) -> float | None:
        """Return a knob's value as a plain number, or raise next_token_probs' ValueError."""
        if value is None and knob in self._shown_knobs:
            value = self._neutral.get(knob)  # a slider has to stand somewhere
        value = plain(value)
        for few in (part.few for part in self._parts):
            ids = torch.arange(2, len(few), device="cpu") if self._looks_back else None
            next_token_probs(few, **{knob: value}, previous_ids=ids)
        if value is None:
            return None
        return int(value) if knob == "top_k" else float(value)

    @traitlets.validate(*KNOBS)
    def _validate_knob(self, proposal: traitlets.Bunch) -> float | None:
        return self._valid(proposal.trait.name, proposal.value)

    def answer(self, **knobs: float) -> tuple[list[Distribution], dict[str, Any]]:
        """Return the distributions of the learner's own function; see LivePicture.answer."""
        probs = [probs_by_own_rule(self._rule, part.given, knobs) for part in self._parts]
        now = self._summaries(probs, knobs)
        return now, self.sent(now)

    def sent(self, now: Sequence[Distribution]) -> dict[str, Any]:
        """Return what the browser draws of an answer."""
        raise NotImplementedError

    def now(self) -> list[Distribution] | None:
        """Return what the sliders say now, or the last good answer."""
        if self._rule is not None:
            return self._good
        knobs = {knob: getattr(self, knob) for knob in RULES if knob in KNOBS}
        given = {knob: value for knob, value in knobs.items() if value is not None}
        after = [apply_knobs(part.logits, part.ids, given) for part in self._parts]  # (V,) each
        return self._summaries([z.softmax(dim=-1) for z in after], knobs, after)

    def _summaries(
        self,
        probs: Sequence[Tensor],
        knobs: Mapping[str, Any],
        after: Sequence[Tensor] | None = None,
    ) -> list[Distribution]:
        """after: the logits after the knobs, where they are known."""
        if after is None:
            kept = [at_least_float32("probs", p) > 0 for p in probs]  # (V,) each
        else:
            kept = [z > -math.inf for z in after]
        parts = zip(self._parts, probs, kept, strict=True)
        return [self._summary(*part, knobs) for part in parts]

    def _summary(
        self, part: Scores, probs: Tensor, kept: Tensor, knobs: Mapping[str, float | None]
    ) -> Distribution:
        told = {k: v for k, v in knobs.items() if v is not None and v != self._neutral.get(k)}
        return summarize(
            part.logits,
            probs,
            part.texts.__getitem__,
            num_bars=len(part.texts),
            setting=", ".join(f"{knob} {value:g}" for knob, value in told.items()),
            title=part.title,
            kept=kept,
        )
