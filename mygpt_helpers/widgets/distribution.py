"""The live picture of a next-token distribution, with sliders. First used in lesson 04.

The browser computes and draws (distribution.js), so that the bars follow the finger even while the
kernel is busy. Only where the learner's own function takes the place of the built-in rule does the
kernel compute, and then it sends the shown numbers and nothing else.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import anywidget
import torch
import traitlets
from torch import Tensor

from ..pictures.base import LABEL_CHARS, bundle
from ..pictures.distributions import Distribution, distribution_figure, distribution_text, summarize
from ..pictures.tables import visible
from ..sampling import entropy, next_token_probs
from .inputs import (
    KNOBS,
    browser_code,
    checked_knobs,
    checked_shape,
    neutral_values,
    slider_stops,
    texts_of,
)
from .own_rule import OwnRuleError, probs_by_own_rule


class DistributionWidget(anywidget.AnyWidget):
    """A next-token distribution that follows sliders for the knobs of `next_token_probs`.

    logits: (V,), any float dtype. labels: V strings, or a function from an id to its text, such as
    tokenizer.decode. knobs: which sliders to show. temperature ... repetition_penalty: where each
    knob starts, shown or not; they are attributes too, so that reading one gives what the slider
    says and setting it moves the slider. previous_ids: (T,), for repetition_penalty.
    probs_function: used in place of the built-in rule, called as f(logits, **shown_knobs), returns
    probabilities (V,). num_bars: how many tokens to show, those with the largest logits. Raises
    ValueError for logits, labels or knobs out of range. Used from lesson 04 on.
    """

    _esm = browser_code("distribution")
    _css = Path(__file__).with_suffix(".css")

    temperature = traitlets.TraitType(1.0).tag(sync=True)
    top_k = traitlets.TraitType(None, allow_none=False).tag(sync=True)
    top_p = traitlets.TraitType(None, allow_none=False).tag(sync=True)
    min_p = traitlets.TraitType(None, allow_none=False).tag(sync=True)
    repetition_penalty = traitlets.TraitType(None, allow_none=False).tag(sync=True)

    # What the browser draws from. It needs no token ids: tokens are known by their rank, the place
    # in the list of logits sorted with the largest first, and the shown ones are the first ranks.
    _sorted_logits = traitlets.Bytes().tag(sync=True)  # float32, (V,)
    _used_ranks = traitlets.Bytes().tag(sync=True)  # int32, of the ids in previous_ids
    _labels = traitlets.List().tag(sync=True)  # [short, whole] for each shown token
    _stops = traitlets.Dict().tag(sync=True)  # knob -> the values its slider stops at
    _start = traitlets.Dict().tag(sync=True)  # knob -> where reset takes it
    _title = traitlets.Unicode().tag(sync=True)
    # The answer of the learner's own function; empty with the built-in rule.
    _answer = traitlets.Dict().tag(sync=True)

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
        knobs = checked_knobs(knobs)
        checked_shape(logits, num_bars)
        next_token_probs(logits)  # raises ValueError for what is not logits
        # The rule in the browser works on float32, and so does the picture that is stored.
        self._given = logits.detach().cpu().clone()  # (V,); the caller may change the original
        self._logits = self._given.float()
        self._ids = torch.empty(0, dtype=torch.int64)  # (T,)
        self._rule, self._shown_knobs = probs_function, knobs
        self._neutral = neutral_values(len(logits))
        self._lock, self._asked, self._answered = threading.RLock(), 0, 0

        order = self._logits.argsort(descending=True, stable=True)  # (V,): rank -> id
        ranks = torch.empty_like(order).scatter(0, order, torch.arange(len(order)))  # id -> rank
        self._shown = order[: int(num_bars)]  # (num_bars,)
        penalized = repetition_penalty is not None or "repetition_penalty" in knobs
        if previous_ids is not None or (penalized and probs_function is None):
            # Called for its ValueError where the ids are missing or do not fit.
            next_token_probs(self._logits, repetition_penalty=1.0, previous_ids=previous_ids)
            self._ids = previous_ids.detach().cpu().long()
        given = (temperature, top_k, top_p, min_p, repetition_penalty)
        start = {knob: self._valid(knob, value) for knob, value in zip(KNOBS, given, strict=True)}
        texts = texts_of(labels, self._shown.tolist(), len(order))
        super().__init__(
            **start,
            _sorted_logits=self._logits[order].numpy().astype("<f4").tobytes(),
            _used_ranks=ranks[self._ids].unique().numpy().astype("<i4").tobytes(),
            _labels=[[visible(text, LABEL_CHARS), visible(text)] for text in texts.values()],
            _stops={knob: slider_stops(knob, self._logits) for knob in knobs},
            _start={knob: start[knob] for knob in knobs},
            _title=title,
        )
        self._texts = texts
        if probs_function is not None:
            self._answer_browser()
            self.observe(lambda change: self._answer_browser(), names=list(knobs))

    def _valid(self, knob: str, value: float | None) -> float | None:
        """Return a knob's value as a plain number, or raise next_token_probs' ValueError."""
        if value is None and knob in self._shown_knobs and knob in self._neutral:
            return self._neutral[knob]  # a slider has to stand somewhere
        next_token_probs(self._logits, **{knob: value}, previous_ids=self._ids)
        return value if value is None else int(value) if knob == "top_k" else float(value)

    @traitlets.validate(*KNOBS)
    def _validate_knob(self, proposal: traitlets.Bunch) -> float | None:
        return self._valid(proposal.trait.name, proposal.value)

    def _knob_values(self) -> dict[str, float]:
        """Return what the learner's function is called with."""
        return {knob: getattr(self, knob) for knob in self._shown_knobs}

    def _answer_browser(self) -> None:
        """Send the shown numbers of the learner's function for the knobs as they are now.

        JupyterLab calls this on a thread of its own, perhaps while a cell sets a knob. So no lock
        is held while the function runs (it may never return), and an answer that was overtaken by
        a later one is dropped.
        """
        with self._lock:
            self._asked += 1
            question, knobs = self._asked, self._knob_values()
        answer = {"error": "Interrupted before your function returned."}
        try:
            answer = self._numbers(probs_by_own_rule(self._rule, self._given, knobs))
        except OwnRuleError as error:
            answer = {"error": str(error)}
        finally:  # an interrupt is told, too, and goes on to whom it is meant for
            with self._lock:
                if question > self._answered:
                    self._answered = question
                    # After a failure the numbers of the last good answer stay in the picture.
                    self._answer = {**self._answer, "error": "", **answer, "knobs": knobs}

    def _numbers(self, probs: Tensor) -> dict[str, Any]:
        """Return what the browser shows of probabilities (V,)."""
        shown = probs[self._shown].double()  # (num_bars,)
        return {
            "after": shown.tolist(),
            "largest": float(probs.max()),
            "kept": int((probs > 0).sum()),
            "rest": max(0.0, 1 - float(shown.sum())),
            "entropy": float(entropy(probs)),
        }

    def _picture(self) -> Distribution | str:
        """Return what there is to show now, or the one line that says why there is nothing."""
        if self._rule is None:
            knobs = {knob: getattr(self, knob) for knob in KNOBS}
            probs = next_token_probs(self._logits, **knobs, previous_ids=self._ids)
        else:
            knobs = self._knob_values()
            try:
                probs = probs_by_own_rule(self._rule, self._given, knobs)
            except OwnRuleError as error:
                return str(error)
        said = {k: v for k, v in knobs.items() if v is not None and v != self._neutral.get(k)}
        return summarize(
            self._logits,
            probs,
            self._texts.__getitem__,
            num_bars=len(self._texts),
            setting=", ".join(f"{knob} {value:g}" for knob, value in said.items()),
            title=self._title,
        )

    def _repr_mimebundle_(self, **kwargs: object) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return one bundle: the live view, and for where it cannot run, a PNG and the text."""
        data, metadata = super()._repr_mimebundle_(**kwargs)
        shown = self._picture()
        if isinstance(shown, str):
            return data | {"text/plain": shown}, metadata
        still, about = bundle(distribution_figure(shown), distribution_text(shown))
        return data | still, metadata | about
