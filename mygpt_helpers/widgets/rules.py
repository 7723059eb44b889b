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
from .inputs import KNOBS, checked_knobs, checked_steps, off_stop, slider_stops
from .ranked import by_rank, ranked

CUTS = {"top_k": keep_top_k, "top_p": keep_top_p, "min_p": keep_min_p}
PENALTY = "repetition_penalty"
HEADINGS = {"top_k": "top-k", "top_p": "top-p", "min_p": "min-p", PENALTY: "penalty"}


class RulesWidget(LivePicture):
    """What top-k, top-p, min-p and the repetition penalty each make of one distribution.

    step: of a trace; its ids are the text that the penalty looks back at, unless previous_ids (T,)
    are given. label_of: a function from an id to its text, such as tokenizer.decode, or V strings.
    rules: which of top_k, top_p, min_p and repetition_penalty to show. num_rows: how many of the
    top tokens to show. temperature ... repetition_penalty: where the sliders start; those that are
    shown are attributes, too. A top_k above V counts as V. Raises ValueError for what is no step,
    for rules that are not there, and for what the sliders do not reach. Used in lesson 06.
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
        rules: Sequence[str] = tuple(HEADINGS),
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
        self._rules = rules = checked_knobs(rules, tuple(HEADINGS), "rules")
        self._row = row = ranked(step, label_of, num_rows)
        ids = step.ids if previous_ids is None else previous_ids
        used = checked_ids(ids.detach().cpu() if isinstance(ids, Tensor) else ids, row.logits)
        self._used = row.ranks[used].unique()  # the ranks of the tokens so far
        if PENALTY not in rules:
            self._used = self._used[:0]
        self._about = title
        self._headings = ("prob.", "so far" * (PENALTY in rules), *(HEADINGS[r] for r in rules))
        data = row.sent | {
            "used_ranks": self._used.numpy().astype("<i4").tobytes(),
            "title": visible_title(title),
            "rules": rules,
            "headings": self._headings,
            "feet": (_kept_of(row.logits), "probability kept"),
            "facts": self._facts(),
        }
        # A temperature that the penalized logits can stand, the others can.
        ends = self._penalized(slider_stops("repetition_penalty", row.logits)[-1])
        V = len(row.logits)
        top_k = min(checked_count("top_k", top_k), V)
        starts = zip(KNOBS, (temperature, top_k, top_p, min_p, repetition_penalty), strict=True)
        state = {knob: start for knob, start in starts if knob in ("temperature", *rules)}
        sliders = [
            Slider(knob, knob, stops=slider_stops(knob, ends), off=off_stop(knob, V))
            for knob in state
        ]
        super().__init__(label=title or "What each rule keeps", data=data, sliders=sliders, **state)

    def _penalized(self, penalty: float) -> Tensor:
        return penalize_repetition(self._row.logits, self._used, penalty)  # (V,)

    def _facts(self) -> str:
        cuts = "Each rule alone, after the temperature." * (self._rules != (PENALTY,))
        penalty = "The penalty acts before the temperature. ↺ used: is in the text so far."
        return f"{cuts} {penalty * (PENALTY in self._rules)}".strip()

    def shown(self) -> Shown:
        """Return what each rule keeps where the sliders stand now."""
        row, t = self._row, self.temperature
        scaled = apply_temperature(row.logits, t)  # (V,)
        probs = scaled.softmax(dim=-1)  # (V,)
        used = set(self._used.tolist())
        ranks = range(len(row.labels))
        columns = [probs[: len(ranks)].tolist(), ["used" if r in used else "" for r in ranks]]
        counts, masses = [], []
        for rule in self._rules:
            if rule == PENALTY:
                mask = scaled.isfinite()  # (V,)
                after = apply_temperature(self._penalized(self.repetition_penalty), t)
                columns.append(after.softmax(dim=-1)[: len(ranks)].tolist())
            else:
                mask = by_rank(CUTS[rule](scaled, getattr(self, rule))).isfinite()  # (V,)
                columns.append(["kept" if mask[rank] else "cut" for rank in ranks])
            counts.append(int(mask.sum()))
            masses.append(1.0 if rule == PENALTY else float(probs[mask].double().sum()))
        rows = tuple(zip(*columns, strict=True))
        facts = self._facts()
        table = BarTable(
            title=self._about,
            headings=self._headings,
            labels=row.labels,
            rows=rows,
            feet=(
                (_kept_of(row.logits), ("", "", *counts)),
                ("probability kept", ("", "", *masses)),
            ),
            facts=facts,
            setting=", ".join(f"{k} {getattr(self, k):g}" for k in ("temperature", *self._rules)),
        )
        page = table.page() | {"facts": facts}
        return Shown(bar_table_text(table), lambda: bar_table_figure(table), page)


def _kept_of(logits: Tensor) -> str:
    return f"kept of {len(logits):,}"
