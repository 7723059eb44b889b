"""One prompt under several strategies, under a slider for the seed. First used in lesson 07."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ..checks import checked_text, is_many
from ..continuations import Continuation
from ..errors import InputError
from ..pictures.continuations import HEADINGS, Row, strategies_figure, strategies_text
from ..pictures.tables import visible_title
from .base import LivePicture, Place, Shown, Slider, browser_code

MOST_CHARS = 600  # of one text


class StrategiesWidget(LivePicture):
    """The texts of several strategies, how likely they are and how much of them is repeated.

    found: what strategies returned. text_of: a function from a list of ids to its text, such as
    tokenizer.decode. The slider goes through the seeds; a strategy that draws nothing stays. seed,
    where the slider starts, is an attribute, too: its place among the seeds, from 0. Raises
    ValueError for what are no continuations, or not one for each seed. Used in lesson 07.
    """

    _esm = browser_code("strategies")

    seed = Place().tag(sync=True)

    def __init__(
        self,
        found: Iterable[Continuation],
        text_of: Callable[[list[int]], str],
        *,
        title: str = "Strategies",
        seed: int = 0,
    ) -> None:
        """Send all texts to the browser."""
        found = [*found] if is_many(found) else []
        if not found or not all(isinstance(x, Continuation) for x in found):
            raise InputError(f"found must be what strategies returned, got {found!r:.80}.")
        self._seeds = [*dict.fromkeys(x.seed for x in found if x.seed is not None)] or [None]
        self._title = visible_title(title)
        by_run = {(x.strategy, x.seed): x for x in found}
        names = [*dict.fromkeys(x.strategy for x in found)]
        self._rows: list[list[Row]] = []  # for each seed, a row for each strategy
        for one in self._seeds:
            runs = [by_run.get((name, one)) or by_run.get((name, None)) for name in names]
            if None in runs:
                missing = names[runs.index(None)]
                raise InputError(f"each strategy needs each seed; {missing!r:.80} has no {one}.")
            self._rows.append([_row(run, text_of) for run in runs])
        texts = ["none" if one is None else str(one) for one in self._seeds]
        data = {"title": self._title, "seeds": texts, "rows": self._rows, "headings": HEADINGS}
        slider = Slider("seed", "seed", texts=texts)
        super().__init__(label=title, data=data, sliders=[slider], seed=seed)

    def shown(self) -> Shown:
        """Return the texts and numbers of the seed that is chosen."""
        rows = self._rows[self.seed]
        title = f"{self._title}: seed {self._sliders[0]['texts'][self.seed]}"
        page = {"title": title, "rows": [[n, mean, part, text] for n, text, mean, part in rows]}
        return Shown(strategies_text(title, rows), lambda: strategies_figure(title, rows), page)


def _row(run: Continuation, text_of: Callable[[list[int]], str]) -> Row:
    """Return what is shown of a text; its bounds keep a page small."""
    text = checked_text("a text", text_of(run.new_ids.tolist()))
    name, text = visible_title(run.strategy, 40), visible_title(text, MOST_CHARS)
    return name, text, run.mean_log_prob, run.repeated
