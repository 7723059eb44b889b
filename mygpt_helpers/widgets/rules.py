"""What each rule keeps of one distribution, side by side. First used in lesson 06."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor

from ..checks import checked_count, checked_ids
from ..generation import Step
from ..pictures.bar_tables import BarTable, bar_table_figure, bar_table_text
from ..pictures.tables import visible_title
from ..sampling import apply_temperature, keep_min_p, keep_top_k, keep_top_p, penalize_repetition
from .base import Level, LivePicture, Place, Shown, Slider, browser_code
from .inputs import KNOBS, checked_steps, neutral_values, slider_stops
from .ranked import by_rank, ranked

HEADINGS = ("prob.", "so far", "top-k", "top-p", "min-p", "penalty")
FACTS = "Each rule alone, after the temperature. ↺ used: is in the text so far."


class RulesWidget(LivePicture):
    """What top-k, top-p, min-p and the repetition penalty each make of one distribution.

    step: of a trace; its ids are the text that the penalty looks back at, unless previous_ids (T,)
    are given. label_of: a function from an id to its text, such as tokenizer.decode, or V strings.
    num_rows: how many of the top tokens to show. temperature ... repetition_penalty: where the
    sliders start; attributes, too. A top_k above V counts as V. Raises ValueError for what is no
    step, and for what its sliders do not reach. Used in lesson 06.
    """

    _esm = browser_code("bars", "columns", "rule", "rules")

    temperature = Level().tag(sync=True)
    top_k = Place().tag(sync=True)
    top_p = Level().tag(sync=True)
    min_p = Level().tag(sync=True)
    repetition_penalty = Level().tag(sync=True)

    def __init__(
        self,
        step: Step,
        label_of: Sequence[str] | Callable[[int], str],
        *,
        previous_ids: Tensor | None = None,
        num_rows: int = 15,
        temperature: float = 1.0,
        top_k: int = 10,
        top_p: float = 0.9,
        min_p: float = 0.1,
        repetition_penalty: float = 1.2,
        title: str = "",
    ) -> None:
        """Sort once, and send what the browser computes from."""
        (step,) = checked_steps(step, most=1)
        self._row = row = ranked(step, label_of, num_rows)
        ids = step.ids if previous_ids is None else previous_ids
        used = checked_ids(ids.detach().cpu() if isinstance(ids, Tensor) else ids, row.logits)
        self._used = row.ranks[used].unique()  # the ranks of the tokens so far
        self._about = title
        data = row.sent | {
            "used_ranks": self._used.numpy().astype("<i4").tobytes(),
            "title": visible_title(title),
            "headings": HEADINGS,
            "feet": (_kept_of(row.logits), "probability kept"),
            "facts": FACTS,
        }
        # A temperature that the penalized logits can stand, the others can.
        ends = self._penalized(slider_stops("repetition_penalty", row.logits)[-1])
        off = neutral_values(len(row.logits))
        sliders = [
            Slider(
                knob,
                knob,
                stops=slider_stops(knob, ends),
                off=(off[knob], " (all)" if knob == "top_k" else " (off)") if knob in off else (),
            )
            for knob in KNOBS
        ]
        top_k = min(checked_count("top_k", top_k), len(row.logits))
        starts = (temperature, top_k, top_p, min_p, repetition_penalty)
        state = dict(zip(KNOBS, starts, strict=True))
        super().__init__(label=title or "What each rule keeps", data=data, sliders=sliders, **state)

    def _penalized(self, penalty: float) -> Tensor:
        return penalize_repetition(self._row.logits, self._used, penalty)  # (V,)

    def shown(self) -> Shown:
        """Return what each rule keeps where the sliders stand now."""
        row, t = self._row, self.temperature
        scaled = apply_temperature(row.logits, t)  # (V,)
        probs = scaled.softmax(dim=-1)  # (V,)
        rules = [(keep_top_k, self.top_k), (keep_top_p, self.top_p), (keep_min_p, self.min_p)]
        masks = [by_rank(rule(scaled, knob)).isfinite() for rule, knob in rules]  # (V,) each
        after = apply_temperature(self._penalized(self.repetition_penalty), t).softmax(dim=-1)
        used = set(self._used.tolist())
        rows = tuple(
            (
                float(probs[rank]),
                "used" if rank in used else "",
                *("kept" if mask[rank] else "cut" for mask in masks),
                float(after[rank]),
            )
            for rank in range(len(row.labels))
        )
        counts = [int(mask.sum()) for mask in (*masks, scaled.isfinite())]
        masses = [float(probs[mask].double().sum()) for mask in masks]
        table = BarTable(
            title=self._about,
            headings=HEADINGS,
            labels=row.labels,
            rows=rows,
            feet=(
                (_kept_of(row.logits), ("", "", *counts)),
                ("probability kept", ("", "", *masses, 1.0)),
            ),
            facts=FACTS,
            setting=", ".join(f"{knob} {getattr(self, knob):g}" for knob in KNOBS),
        )
        page = table.page() | {"facts": FACTS}
        return Shown(bar_table_text(table), lambda: bar_table_figure(table), page)


def _kept_of(logits: Tensor) -> str:
    return f"kept of {len(logits):,}"
