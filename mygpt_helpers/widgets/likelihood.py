"""A text that is coloured by how likely each of its tokens was. First used in lesson 02."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import traitlets

from ..checks import checked_count
from ..generation import Step
from ..pictures.distributions import rows_text
from ..pictures.grids import colour_of, ink_on
from ..pictures.tables import visible, visible_title
from ..pictures.traces import Written, percent, summary, text_figure
from .base import LivePicture, Shown, browser_code, shown_labels
from .runs import checked_run, label_maker, written_by
from .steps import bar_rows, sent_distribution

MOST_GIVEN = 200  # tokens of the prompt that are shown, the last ones
MOST_TOLD = 200  # tokens that the text twin lists


@dataclass(frozen=True)
class ColouredText:
    """A prompt and what was written after it, to be shown as tiles. Python's side of flow.js."""

    title: str
    prompt: list[str]  # its last tokens, at most MOST_GIVEN
    before: int  # how many tokens stand before those
    written: list[Written]  # at least one

    @classmethod
    def of(
        cls, title: str, ids: Sequence[int], text_of: Callable[[int], str], written: list[Written]
    ) -> ColouredText:
        """Return the text that goes on from a prompt's ids (T,)."""
        before = max(0, len(ids) - MOST_GIVEN)
        return cls(visible_title(title), [text_of(i) for i in ids[before:]], before, written)

    def sent(self) -> dict[str, Any]:
        """Return what the browser needs."""
        grounds = [colour_of(w.own, (0.0, 1.0)) for w in self.written]
        return {
            "prompt": shown_labels(self.prompt),
            "before": f"… {self.before:,} tokens before" if self.before else "",
            "tokens": shown_labels([w.token for w in self.written]),
            "percents": [percent(w.own) for w in self.written],
            "grounds": [[round(255 * part) for part in ground] for ground in grounds],
            "inks": [ink_on(ground) for ground in grounds],
            "parts": [round(100 * w.own) for w in self.written],
            "alternatives": [sent_distribution(w.distribution) for w in self.written],
            "stories": [*map(_story, self.written)],
            "summary": summary(self.written),
            "title": self.title,
        }

    def shown(self, token: int) -> Shown:
        """Return what is shown: the text, and of one token its rank and its alternatives."""
        now, data = self.written[token], self.sent()
        tokens = [f'"{visible(w.token, 24)}"' for w in self.written[:MOST_TOLD]]
        wide = max(map(len, tokens))
        listed = [
            f"  {token:<{wide}}  {w.own:.2f}  rank {w.rank:,}"
            for token, w in zip(tokens, self.written, strict=False)
        ]
        if more := len(self.written) - len(tokens):
            listed.append(f"  … {more:,} more")
        told = f'token {token + 1}: "{data["tokens"][token][0]}"{data["stories"][token]}'
        given = " ".join([data["before"], *(short for short, _ in data["prompt"])]).strip()
        lines = [self.title, f"given: {given}", *listed, data["summary"]]
        text = "\n".join([*lines, told, *rows_text(now.distribution)])
        facts = f"{data['summary']}\n{told}"
        page = {"title": self.title, "facts": facts, "rows": bar_rows(now.distribution)}
        return Shown(text, lambda: text_figure(self.title, self.prompt, self.written), page)


def _story(w: Written) -> str:
    return f", probability {w.own:.3f}, rank {w.rank:,} of {w.distribution.vocab_size:,}"


class LikelihoodWidget(LivePicture):
    """A text as tiles, each coloured by the probability that the model alone gave to its token.

    steps: what trace returned; the prompt stands before them, plain. label_of: an id's text, such
    as tokenizer.decode, or a list of V strings. The token that is pointed at, or that the arrow
    keys reach, is shown below the text with its rank and the num_alternatives top tokens of its
    place. start: the token shown first; `token` is an attribute too, from 0. Raises ValueError for
    no steps, for steps of several runs, and for a token that is not there. Used from lesson 02 on.
    """

    _esm = browser_code("bars", "flow", "likelihood")

    token = traitlets.Int(0).tag(sync=True)

    def __init__(
        self,
        steps: Step | Sequence[Step],
        label_of: Sequence[str] | Callable[[int], str],
        *,
        num_alternatives: int = 5,
        start: int = 0,
        title: str = "",
    ) -> None:
        """Read the whole trace once and send what the browser shows of it."""
        steps = checked_run(steps)
        num_rows = checked_count("num_alternatives", num_alternatives)
        text_of = label_maker(label_of, len(steps[0].logits))
        written = written_by(steps, text_of, num_rows, knobs=False)
        name = title or "How likely each token was"
        self._text = ColouredText.of(name, steps[0].ids.tolist(), text_of, written)
        super().__init__(label=name, data=self._text.sent(), token=start)

    @traitlets.validate("token")
    def _validate_token(self, proposal: traitlets.Bunch) -> int:
        return checked_count("token", proposal.value, first=0, last=len(self._text.written) - 1)

    def shown(self) -> Shown:
        """Return what is shown: the text, and of one token its rank and its alternatives."""
        return self._text.shown(self.token)
