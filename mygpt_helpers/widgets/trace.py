"""The loop that writes a text, a step at a time. First used in lesson 02."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..checks import checked_count
from ..generation import Step
from ..pictures.distributions import rows_text
from ..pictures.tables import visible
from ..pictures.traces import BANDS, PER_ROW, step_figure, title_of, window
from .base import LivePicture, Place, Shown, Slider, browser_code, shown_labels
from .runs import checked_run, label_maker, written_by
from .steps import bar_rows, sent_distribution


class TraceWidget(LivePicture):
    """A trace under a slider: the text so far, its mask, the scores after it, and the choice.

    steps: what trace returned. label_of: an id's text, such as tokenizer.decode, or a list of V
    strings. num_rows: how many of the top tokens to show; the chosen one is always among them.
    start: the step shown first; `step` is an attribute too, from 0. Of a long text the last tokens
    are shown. Raises ValueError for no steps, for steps of several runs, and for what is not there.
    Used from lesson 02 on.
    """

    _esm = browser_code("bars", "trace")

    step = Place().tag(sync=True)

    def __init__(
        self,
        steps: Step | Sequence[Step],
        label_of: Sequence[str] | Callable[[int], str],
        *,
        num_rows: int = 8,
        start: int = 0,
        title: str = "",
    ) -> None:
        """Read the whole trace once and send what the browser shows of it."""
        steps, num_rows = checked_run(steps), checked_count("num_rows", num_rows)
        text_of = label_maker(label_of, len(steps[0].logits))
        self._written = written_by(steps, text_of, num_rows, knobs=True)
        self._given, self._about = len(steps[0].ids), title
        self._first = window(self._given + 1)  # no step shows what is before it
        prompt = [text_of(i) for i in steps[0].ids[self._first :].tolist()]
        self._tokens = [*prompt, *(w.token for w in self._written)]
        data = {
            "tokens": shown_labels(self._tokens),
            "first": self._first,
            "given": self._given,
            "titles": [self._title(step) for step in range(len(steps))],
            "choices": [
                sent_distribution(w.distribution) | {"story": w.story()} for w in self._written
            ],
            "per_row": PER_ROW,
            "bands": BANDS,
        }
        counts = [f"{number} of {len(steps)}" for number in range(1, len(steps) + 1)]
        slider = Slider("step", "step", counts)
        super().__init__(label=title or "The loop", data=data, sliders=[slider], step=start)

    def _title(self, step: int) -> str:
        length = self._given + step
        return title_of(self._about, self._given, length, window(length + 1))

    def shown(self) -> Shown:
        """Return what is shown of the step: the tiles with their mask, the bars, the choice."""
        now, length = self._written[self.step], self._given + self.step
        first, title = window(length + 1), self._title(self.step)
        here = slice(first - self._first, length - self._first)
        tiles = [short for short, _ in self._data["tokens"][here]]
        chosen = visible(now.token, 24)
        rows = []
        for start in range(0, len(tiles) + 1, PER_ROW):
            band = tiles[start : start + PER_ROW]
            following = [f"◆ {chosen}"] if len(band) < PER_ROW else []
            rows.append([f"position {first + start}", *band, *following])
            rows.append(["mask", *["1"] * len(band)])
        choice = f'chosen: "{chosen}"{now.story()}'
        wide = max(len(row[0]) for row in rows)
        lines = [f"  {label:>{wide}}  {' '.join(cells)}".rstrip() for label, *cells in rows]
        text = "\n".join([title, *lines, *rows_text(now.distribution), choice])
        page = {"title": title, "facts": choice, "rows": rows + bar_rows(now.distribution)}
        tokens = self._tokens[here]
        return Shown(text, lambda: step_figure(title, tokens, first, self._given, now), page)
