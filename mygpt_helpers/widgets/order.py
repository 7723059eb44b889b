"""Two rules, one after the other, and what each order of them keeps. First used in lesson 06."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import traitlets
from torch import Tensor

from ..checks import is_many, plain
from ..errors import InputError
from ..generation import Step
from ..pictures.bar_tables import BarTable, bar_table_figure, bar_table_text
from ..pictures.tables import visible_title
from ..sampling import apply_temperature, keep_min_p, keep_top_k, keep_top_p
from .base import LivePicture, Shown, Slider, browser_code
from .inputs import checked_steps, off_stop, slider_stops
from .ranked import by_rank, ranked

RULES = {
    "temperature": apply_temperature,
    "top_k": keep_top_k,
    "top_p": keep_top_p,
    "min_p": keep_min_p,
}
HEADINGS = ("this order", "state", "other order")
STARTS = {"temperature": 2.0, "top_p": 0.9, "min_p": 0.1}


class OrderWidget(LivePicture):
    """What two rules keep of one distribution, and what they keep in the other order.

    step: of a trace. label_of: a function from an id to its text, such as tokenizer.decode, or V
    strings. first, second: two of temperature, top_k, top_p and min_p; swapped: whether to begin in
    the other order. values: where their two sliders start. num_rows: how many of the top tokens to
    show. values and swapped are attributes, too. Raises ValueError for what is no step, for rules
    that are not there and values that they do not take. Used in lesson 06.
    """

    _esm = browser_code("bars", "columns", "rule", "order")

    values = traitlets.TraitType(()).tag(sync=True)
    swapped = traitlets.Bool(False).tag(sync=True)

    def __init__(
        self,
        step: Step,
        label_of: Sequence[str] | Callable[[int], str],
        *,
        first: str = "temperature",
        second: str = "top_p",
        values: Sequence[float] | None = None,
        swapped: bool = False,
        num_rows: int = 15,
        title: str = "",
    ) -> None:
        """Sort once, and send what the browser computes from."""
        (step,) = checked_steps(step, most=1)
        self._row = row = ranked(step, label_of, num_rows)
        self._rules, self._about = (first, second), title
        if first == second or not all(rule in [*RULES] for rule in self._rules):
            raise InputError(
                f"first and second must be two of {', '.join(RULES)}; got {first!r}, {second!r}."
            )
        V = len(row.logits)
        sliders = [
            Slider(
                rule, "values", stops=slider_stops(rule, row.logits), item=i, off=off_stop(rule, V)
            )
            for i, rule in enumerate(self._rules)
        ]
        data = row.sent | {
            "rules": self._rules,
            "title": f"{visible_title(title)}: " if title else "",
            "headings": HEADINGS,
            "feet": self._others(),
        }
        if values is None:
            starts = STARTS | {"top_k": min(10, V)}
            values = [starts[rule] for rule in self._rules]
        label = title or "The order of two rules"
        super().__init__(label=label, data=data, sliders=sliders, values=values, swapped=swapped)

    def _others(self) -> list[str]:
        """Return the name of the row for all the tokens that are not shown, if there are any."""
        count = len(self._row.logits) - len(self._row.labels)
        return [f"{count:,} other{'s' * (count > 1)}"] if count else []

    @traitlets.validate("values")
    def _validate_values(self, proposal: traitlets.Bunch) -> tuple[float, ...]:
        values = [*map(plain, proposal.value)] if is_many(proposal.value) else []
        if len(values) != 2:
            raise InputError(
                f"values must be two numbers, for {' and '.join(self._rules)}; "
                f"got {proposal.value!r:.80}."
            )
        for rule, value in zip(self._rules, values, strict=True):
            RULES[rule](self._row.logits, value)  # raises
        return tuple(values)

    def _applied(self, order: Sequence[str]) -> Tensor:
        """Return the logits (V,) after the rules in an order, by rank."""
        values = dict(zip(self._rules, self.values, strict=True))
        logits = self._row.logits
        for rule in order:
            logits = by_rank(RULES[rule](logits, values[rule]))
        return logits

    def shown(self) -> Shown:
        """Return what both orders keep where the sliders stand now."""
        order, other = self._rules, self._rules[::-1]
        if self.swapped:
            order, other = other, order
        after = [self._applied(rules) for rules in (order, other)]  # (V,) each
        here, there = (int(logits.isfinite().sum()) for logits in after)  # the first ranks stay
        probs = [logits.softmax(dim=-1) for logits in after]
        count = len(self._row.labels)
        words = ["kept"] * min(here, there) + ["only" if here > there else "other"] * count
        words = words[: max(here, there)] + ["cut"] * count
        rows = tuple((float(probs[0][i]), words[i], float(probs[1][i])) for i in range(count))
        rest = [float(p[count:].double().sum()) for p in probs]
        facts = f"This order keeps {here:,} token{'s' * (here > 1)}, the other order {there:,}. "
        changed = abs(here - there)
        table = BarTable(
            title=f"{self._about}: " * bool(self._about) + f"{order[0]}, then {order[1]}",
            headings=HEADINGS,
            labels=self._row.labels,
            rows=rows,
            feet=tuple((name, (rest[0], "", rest[1])) for name in self._others()),
            facts=f"{facts}Kept by one order alone: {changed:,}. Outlines: the other order.",
            outlines=tuple(probs[1][:count].tolist()),
            setting=", ".join(f"{r} {v:g}" for r, v in zip(self._rules, self.values, strict=True)),
        )
        page = table.page() | {"facts": [here, there, changed]}
        return Shown(bar_table_text(table), lambda: bar_table_figure(table), page)
