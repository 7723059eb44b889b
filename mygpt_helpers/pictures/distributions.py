"""The picture of a next-token distribution, as data, figure and text. First used in lesson 01."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from ..checks import at_least_float32, checked_count, shape_of
from ..errors import InputError
from ..sampling import entropy
from .base import CHOSEN, CUT, DPI, GREEDY, KEPT, LABEL_CHARS, Picture, printable
from .labels import label_function
from .tables import visible, visible_title

OUTLINE = "outline: without these settings"
STATES = {"chosen": "◆ chosen", "top": "▲ top", "cut": "✕ cut", "": ""}
EDGES = {"chosen": CHOSEN, "top": GREEDY}


@dataclass(frozen=True)
class Distribution:
    """What a picture of a next-token distribution shows."""

    labels: tuple[str, ...]  # the tokens shown, in the model's own order: largest logit first
    before: tuple[float, ...]  # their probabilities by the model alone, softmax(logits)
    after: tuple[float, ...]  # and after the knobs
    cut: tuple[bool, ...]  # which of them the knobs cut
    vocab_size: int
    num_kept: int  # tokens that are not cut
    rest_mass: float  # probability, after the knobs, of all the tokens not shown
    rest_count: int
    entropy: float  # nats, after the knobs
    largest: float  # the probability of the top token, shown or not
    setting: str = ""  # such as "temperature 0.7, top_k 40"
    title: str = ""
    chosen: int | None = None  # the row of the token that was chosen, if one was

    def state(self, row: int) -> str:
        """Return what became of a row's token: "chosen", "cut", "top" or ""."""
        if row == self.chosen:
            return "chosen"
        if self.cut[row]:
            return "cut"
        return "top" if self.after[row] == self.largest else ""

    def heading(self) -> str:
        """Return title and setting on one line: "Beer, temperature 0.7"."""
        return ", ".join(part for part in (visible_title(self.title), self.setting) if part)

    def __str__(self) -> str:
        return distribution_text(self)


def summarize(
    logits: Tensor,
    probs: Tensor,
    label_of: Callable[[int], str],
    *,
    num_bars: int = 12,
    setting: str = "",
    title: str = "",
    chosen: int | None = None,
    kept: Tensor | None = None,
) -> Distribution:
    """Return what to show of a distribution: the num_bars tokens with the largest logits.

    logits, probs: (V,), before and after the knobs. label_of: id -> text; for tokenizer.decode,
    token_text is used, so that each token keeps its own space. chosen: the id of the token that was
    chosen from it; it takes the last row where it would have none. kept: (V,) bool, what the knobs
    left to choose from; without it, what has a probability above 0. The two differ where a small
    temperature makes a probability too small for float32. Raises ValueError for other shapes, for
    probs that are no distribution, and for a num_bars below 1. Used from lesson 01 on.
    """
    num_bars = checked_count("num_bars", num_bars)
    given = f"{shape_of(logits)} and {shape_of(probs)}"
    if not isinstance(logits, Tensor) or logits.ndim != 1 or shape_of(probs) != shape_of(logits):
        raise InputError(f"logits and probs must both have shape (V,), got {given}.")
    # No picture needs an accelerator, and Apple's have no float64.
    logits, probs = logits.detach().cpu(), probs.detach().cpu()
    unsure = float(entropy(probs))
    logits, probs = at_least_float32("logits", logits), at_least_float32("probs", probs)
    kept = probs > 0 if kept is None else kept.detach().cpu()  # (V,)
    label_of = label_function(label_of)
    before = logits.float().softmax(dim=-1)  # (V,)
    shown = logits.argsort(descending=True, stable=True)[:num_bars]  # (num_bars,)
    if chosen is not None and chosen not in shown:
        shown[-1] = chosen
    return Distribution(
        labels=tuple(label_of(int(i)) for i in shown),
        before=tuple(before[shown].tolist()),
        after=tuple(probs[shown].tolist()),
        cut=tuple((~kept[shown]).tolist()),
        vocab_size=len(logits),
        num_kept=int(kept.sum()),
        rest_mass=max(0.0, 1 - float(probs[shown].double().sum())),
        rest_count=len(logits) - len(shown),
        entropy=unsure,
        largest=float(probs.max()),
        setting=setting,
        title=title,
        chosen=None if chosen is None else shown.tolist().index(chosen),
    )


def distribution_text(d: Distribution, digits: int = 2) -> str:
    """Return the text twin of a distribution's picture."""
    lines = [d.heading()] if d.heading() else []
    lines += rows_text(d, digits)
    lines += footer(d, digits)
    return "\n".join(lines)


def rows_text(d: Distribution, digits: int = 2) -> list[str]:
    """Return a line for each row: token, probability, state."""
    labels = [f'"{visible(label, LABEL_CHARS)}"' for label in d.labels]
    width = max(map(len, labels))
    rows = zip(labels, d.after, strict=True)
    lines = (
        f"  {label:<{width}}  {p:.{digits}f}  {d.state(i)}" for i, (label, p) in enumerate(rows)
    )
    return [line.rstrip() for line in lines]


def footer(d: Distribution, digits: int) -> list[str]:
    """Return the lines under the bars: what is not shown, and how unsure the distribution is."""
    lines = []
    if d.num_kept < d.vocab_size:
        lines.append(f"{d.num_kept:,} of {d.vocab_size:,} tokens kept")
    if d.rest_count:
        lines.append(f"not shown: {d.rest_count:,} tokens, {d.rest_mass:.{digits}f} together")
    choices = math.exp(d.entropy)
    # Of a large number the first three digits: the others differ between processors.
    said = f"{choices:.1f}" if choices < 1000 else f"{float(f'{choices:.3g}'):,.0f}"
    lines.append(f"entropy {d.entropy:.{digits}f} nats, as unsure as between {said} equal choices")
    return lines


def distribution_figure(d: Distribution) -> Figure:
    """Return a bar chart: solid bars after the knobs, outlines without them."""
    # Lines above and below the bars have a fixed height, whatever the number of bars.
    height = 1.3 + 0.25 * len(d.labels)
    figure = Figure(figsize=(7.2, height), dpi=DPI)
    axes = figure.add_axes((0.27, 0.8 / height, 0.56, 1 - 1.3 / height))
    draw_bars(axes, d)
    heading = printable(d.heading())
    figure.text(0.02, 1 - 0.25 / height, heading, weight="bold", parse_math=False)
    under = footer(d, 3)
    first = "  ·  ".join(under[:-1] + [OUTLINE] * (d.before != d.after))
    figure.text(0.02, 0.45 / height, first, size=9, parse_math=False)
    figure.text(0.02, 0.2 / height, under[-1], size=9, parse_math=False)
    return figure


def draw_bars(axes: Axes, d: Distribution, *, longest: float | None = None) -> None:
    """Draw a distribution's bars; longest: the probability at the right end, else its largest."""
    rows = range(len(d.labels))
    axes.barh(rows, d.after, height=0.72, color=KEPT)
    if d.before != d.after:  # above the top's
        axes.barh(rows, d.before, height=0.72, fill=False, linewidth=0.9, zorder=2)
    longest = longest or max(*d.before, *d.after)
    for row in rows:
        state = d.state(row)
        if state in EDGES:
            edge = {"edgecolor": EDGES[state], "linewidth": 2}
            axes.barh(row, d.after[row], height=0.72, color=KEPT, **edge)
        if state == "cut":
            axes.barh(
                row, d.before[row], height=0.72, fill=False, hatch="////", edgecolor=CUT, lw=0
            )
        label = printable(f'"{visible(d.labels[row], LABEL_CHARS)}"')
        x = axes.get_yaxis_transform()
        axes.text(-0.02, row, label, transform=x, ha="right", va="center", parse_math=False)
        number = f"{d.after[row]:.3f}  {STATES[state]}"
        axes.text(1.02, row, number, transform=x, va="center", parse_math=False)
    axes.set(xlim=(0, longest * 1.02 or 1), ylim=(len(d.labels) - 0.4, -0.6), yticks=[], xticks=[])
    axes.spines[["top", "right", "bottom"]].set_visible(False)


def show_distribution(
    logits: Tensor,
    probs: Tensor,
    label_of: Callable[[int], str],
    *,
    num_bars: int = 12,
    setting: str = "",
    title: str = "",
) -> Picture:
    """Return the still picture of a distribution; arguments as in summarize. Used in lesson 01."""
    d = summarize(logits, probs, label_of, num_bars=num_bars, setting=setting, title=title)
    return Picture(lambda: distribution_figure(d), distribution_text(d))
