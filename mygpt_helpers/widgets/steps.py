"""A slider through distributions that were computed before. First used in lesson 01."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from ..pictures.base import LABEL_CHARS, bundle
from ..pictures.distributions import Distribution, distribution_figure, distribution_text
from ..pictures.tables import visible
from .inputs import browser_code


class StepsWidget(anywidget.AnyWidget):
    """One distribution at a time out of several, chosen by a slider: positions, say, or moments.

    distributions: made by summarize; their titles say which step is which. label: the slider's
    name. start: the step shown first; `step` is an attribute too, from 0. Raises ValueError for no
    distributions, or a step that is not there. Used from lesson 01 on.
    """

    _esm = browser_code("steps")
    _css = Path(__file__).parent / "distribution.css"

    step = traitlets.Int().tag(sync=True)
    _steps = traitlets.List().tag(sync=True)
    _label = traitlets.Unicode().tag(sync=True)

    def __init__(
        self, distributions: Sequence[Distribution], *, label: str = "step", start: int = 0
    ) -> None:
        """Take the distributions and send what the browser shows of them."""
        self._distributions = list(distributions)
        if not self._distributions:
            raise ValueError("distributions must hold at least one; got none.")
        super().__init__(step=start, _steps=[*map(_shown, self._distributions)], _label=label)

    @traitlets.validate("step")
    def _validate_step(self, proposal: traitlets.Bunch) -> int:
        last = len(self._distributions) - 1
        if not 0 <= proposal.value <= last:
            raise ValueError(f"step must be from 0 to {last}, got {proposal.value}.")
        return proposal.value

    def _repr_mimebundle_(self, **kwargs: object) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return one bundle: the live view, and for where it cannot run, a PNG and the text."""
        data, metadata = super()._repr_mimebundle_(**kwargs)
        now = self._distributions[self.step]
        still, about = bundle(distribution_figure(now), distribution_text(now))
        return data | still, metadata | about


def _shown(d: Distribution) -> dict[str, Any]:
    """Return what the browser shows of one distribution."""
    return {
        "labels": [[visible(text, LABEL_CHARS), visible(text)] for text in d.labels],
        "after": list(d.after),
        "kept": d.num_kept,
        "rest": d.rest_mass,
        "rest_count": d.rest_count,
        "entropy": d.entropy,
        "vocab_size": d.vocab_size,
        "title": d.title,
    }
