"""A draw, seen: where a number from 0 to 1 lands among the tokens. First used in lesson 03.

The probabilities lie end to end from 0 to 1, in the order of the ids. The browser finds a number's
token as `draw` does. It knows the tokens that its sliders can reach, never the whole vocabulary.
"""

from __future__ import annotations

import math
import random
import struct
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
import traitlets

from ..checks import checked_count, checked_number, checked_probs
from ..errors import InputError
from ..generation import Step
from ..pictures.draws import Draws, draws_figure, draws_text, name_of
from ..pictures.tables import visible_title
from .base import LivePicture, Place, Shown, Slider, browser_code, shown_labels
from .inputs import checked_steps, texts_of

US = [i / 1000 for i in range(1000)]
SEEDS = range(20)
DRAWS = sorted({round(10 ** (i / 30)) for i in range(91)})  # from 1 to 1,000, by even factors
MOST_BARS = 40


class Uniform(traitlets.Float):
    """An attribute that is a number in [0, 1), on one of its slider's stops or between two."""

    def validate(self, obj: LivePicture, value: float) -> float:
        """Return the number, or raise ValueError."""
        number = checked_number(self.name, value, "a number in [0, 1)")
        if not 0 <= number < 1:
            raise InputError(f"{self.name} must be a number in [0, 1), got {number}.")
        return number


class DrawWidget(LivePicture):
    """The token that a number u draws from a step's distribution, and how often many draws take it.

    step: one of trace's; its probs (V,) are what is drawn from. labels: V strings, or a function
    from an id to its text, such as tokenizer.decode. num_bars: how many tokens to show, the most
    likely ones, at most 40. u starts at the step's own, or else at the first number of the seed.
    seed, from 0 to 19, and draws, from 1 to 1,000: whose first numbers are counted, those of
    random.Random(seed), whatever u is. u, seed and draws are attributes too. Raises ValueError for
    what is no Step, and for numbers out of range. Used in lesson 03.
    """

    _esm = browser_code("draw")

    u = Uniform().tag(sync=True)
    seed = Place().tag(sync=True)
    draws = Place().tag(sync=True)

    def __init__(
        self,
        step: Step,
        labels: Sequence[str] | Callable[[int], str],
        *,
        num_bars: int = 8,
        seed: int = 0,
        draws: int = 1,
        title: str = "",
    ) -> None:
        """Lay the probabilities end to end, and let the numbers of every seed land."""
        (step,) = checked_steps(step, most=1)
        self._probs = checked_probs(step.probs.detach()).cpu().double()  # (V,)
        self._labels = labels
        num_bars = checked_count("num_bars", num_bars, last=MOST_BARS)
        seed = checked_count("seed", seed, first=SEEDS[0], last=SEEDS[-1])
        self._ends = self._probs.cumsum(dim=-1)  # (V,): where each token ends, as draw has it
        self._starts = torch.cat([torch.zeros_like(self._ends[:1]), self._ends[:-1]])  # (V,)
        ids = self._probs.argsort(descending=True, stable=True)[:num_bars].tolist()
        self._row_of = {token_id: row for row, token_id in enumerate(ids)}
        texts = [*self._texts(ids).values()]
        self._laid = self._lay(ids, texts, title)

        numbers = [_numbers(s) for s in SEEDS]
        self._rows = [[self._row(i) for i in self._land(us)] for us in numbers]
        self._own, self._firsts = step.u, [us[0] for us in numbers]
        start = self._firsts[seed] if step.u is None else step.u
        sent = ("names", "spans", "ranges", "probs")
        data = {
            **{name: getattr(self._laid, name) for name in sent},
            "title": visible_title(title),
            "labels": shown_labels(texts),
            "reach": self._reach([*US, *self._firsts, start]),
            "firsts": self._firsts,
            "own": step.u,
            "counted": b"".join(map(bytes, self._rows)),  # (seeds, most draws) uint8: rows
        }
        sliders = [
            Slider("draws", "draws", stops=DRAWS),
            Slider("seed", "seed", stops=SEEDS),
            Slider("number u", "u", stops=US, digits=3),
        ]
        state = {"u": start, "seed": seed, "draws": draws}
        super().__init__(label=title or "A draw", data=data, sliders=sliders, **state)

    def _texts(self, ids: list[int]) -> dict[int, str]:
        return texts_of(self._labels, ids, len(self._probs))

    def _row(self, token_id: int) -> int:
        """Return the row of a token; the tokens not shown share the last one."""
        return self._row_of.get(token_id, len(self._row_of))

    def _lay(self, ids: list[int], texts: list[str], title: str) -> Draws:
        """Return what never changes: where the shown tokens lie, and how likely they are."""
        total = float(self._ends[-1])
        spans = [(float(self._starts[i]) / total, float(self._ends[i]) / total) for i in ids]
        probs = [end - start for start, end in spans]
        names, ranges = [*map(name_of, texts)], [f"{a:.3f} to {b:.3f}" for a, b in spans]
        if others := len(self._probs) - len(ids):
            names.append(f"{others:,} other{'s' * (others > 1)}")
            ranges.append("elsewhere")
            probs.append(max(0.0, 1 - sum(probs)))
        return Draws(*map(tuple, (names, spans, ranges, probs)), title=title)

    def _land(self, us: Sequence[float]) -> list[int]:
        """Return the ids that draw gives for numbers (N,), without a distribution for each."""
        places = torch.tensor(us, dtype=torch.float64, device="cpu") * self._ends[-1]  # (N,)
        last = int((self._ends < self._ends[-1]).sum())
        return torch.searchsorted(self._ends, places, right=True).clamp(max=last).tolist()

    def _reach(self, us: list[float]) -> dict[str, object]:
        """Return the tokens that these numbers land on, the shown and the last one, by their ids.

        Numbers beyond the end, by rounding, land on the last.
        """
        shown = [i for i in self._row_of if self._probs[i] > 0]
        ids = sorted({*self._land([*us, math.nextafter(1, 0)]), *shown})
        edges = torch.stack([self._starts[ids], self._ends[ids]])  # (2, N)
        said = [[name_of(text)[1:-1], self._said(i)] for i, text in self._texts(ids).items()]
        sent = struct.pack(f"<{edges.numel()}d", *edges.flatten().tolist())
        rows = [*map(self._row, ids)]
        return {"edges": sent, "total": float(self._ends[-1]), "rows": rows, "said": said}

    def _said(self, token_id: int) -> str:
        """Return what is said of a token that u lands on, after its text."""
        among = "" if token_id in self._row_of else f", one of the {self._laid.names[-1]}"
        return f" (id {token_id:,}), of probability {float(self._probs[token_id]):.3g}{among}"

    def shown(self) -> Shown:
        """Return where u lands, and how often each token came in the first draws of the seed."""
        (token_id,) = self._land([self.u])
        counts = Counter(self._rows[self.seed][: self.draws])
        now = replace(
            self._laid,
            u=self.u,
            row=self._row(token_id),
            landed=name_of(self._texts([token_id])[token_id]) + self._said(token_id),
            seed=self.seed,
            own=self.u == self._own != self._firsts[self.seed],
            counts=tuple(counts[row] for row in range(len(self._laid.names))),
        )
        cells = zip(now.names, now.ranges, now.probs, now.counts, now.shares, strict=True)
        rows = [[*row, "◀ u" if i == now.row else ""] for i, row in enumerate(cells)]
        facts = [self.draws, self.seed, now.gap, now.usual] if self.draws > 1 else [self.seed]
        page = {"title": visible_title(now.title), "facts": facts, "rows": rows}
        return Shown(draws_text(now), lambda: draws_figure(now), page)


def _numbers(seed: int) -> list[float]:
    """Return the first numbers of a seed, as many as the slider can count."""
    rng = random.Random(seed)
    return [rng.random() for _ in range(DRAWS[-1])]
