"""The picture of a draw: probabilities laid end to end, and where numbers land. For lesson 03."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .base import CHOSEN, DPI, FAINT, KEPT, LABEL_CHARS, printable
from .tables import visible, visible_title

OWN = "This u is the step's own number; the counts are the seed's."
MOVED = "The bars count what the seed drew. Your u moves only the mark."


@dataclass(frozen=True)
class Draws:
    """What a picture of a draw, and of many, shows, row by row; the last is of the others."""

    names: tuple[str, ...]  # '"␣pub"', most likely first; "12 others"
    spans: tuple[tuple[float, float], ...]  # where each shown token lies on the line from 0 to 1
    ranges: tuple[str, ...]  # the same, as text
    probs: tuple[float, ...]
    title: str = ""
    u: float = 0.0
    row: int = 0  # where u lands
    landed: str = ""  # on what it lands, in words
    seed: int = 0  # whose numbers were counted
    own: bool = False  # u came with the step, and is not the first number of the seed
    counts: tuple[int, ...] = ()  # how often each was drawn

    @property
    def shares(self) -> list[float]:
        """The part of the draws that each row got."""
        return [count / sum(self.counts) for count in self.counts]

    @property
    def gap(self) -> float:
        """The largest distance of a share from its probability."""
        return max(abs(s - p) for s, p in zip(self.shares, self.probs, strict=True))

    @property
    def usual(self) -> float:
        """What is usual for one row: the largest standard deviation that a share has."""
        return max(sqrt(p * (1 - p) / sum(self.counts)) for p in self.probs)

    def landing(self) -> str:
        """Return where u lands, in words."""
        return f"u = {min(self.u, 0.999):.3f} lands on {self.landed}"  # and never at 1.000

    def facts(self) -> str:
        """Return how far apart shares and probabilities are, and what u has to do with it."""
        n = sum(self.counts)
        said = f"One draw, with seed {self.seed}. More draws show how often each token comes."
        if n > 1:
            said = (
                f"After {n:,} draws with seed {self.seed} the largest gap between share and prob. "
                f"is {self.gap:.3f}. About {self.usual:.3f} is usual for one token."
            )
        return f"{said}\n{OWN if self.own else MOVED}"


def draws_text(d: Draws) -> str:
    """Return the text twin."""
    width = max(map(len, d.names))
    lines = [visible_title(d.title)] if d.title else []
    lines.append(d.landing())
    rows = zip(d.names, d.ranges, d.counts, d.probs, d.shares, strict=True)
    for row, (name, where, count, prob, share) in enumerate(rows):
        line = (
            f"  {name:<{width}}  {where:<14}  times {count:>3}  prob. {prob:.3f}  share {share:.3f}"
        )
        lines.append(line + "  < u" * (row == d.row))
    return "\n".join([*lines, d.facts()])


def draws_figure(d: Draws) -> Figure:
    """Return the line from 0 to 1 with u on it, above a row for each token."""
    height = 2.65 + 0.25 * len(d.names)
    figure = Figure(figsize=(7.2, height), dpi=DPI)
    _draw_line(figure.add_axes((0.04, 1 - 1.2 / height, 0.92, 0.36 / height)), d)
    axes = figure.add_axes((0.46, 0.72 / height, 0.28, 1 - 2.45 / height))
    rows = range(len(d.names))
    axes.barh(rows, d.shares, height=0.66, color=[CHOSEN if r == d.row else KEPT for r in rows])
    axes.barh(rows, d.probs, height=0.66, fill=False, linewidth=0.9)
    beside = axes.get_yaxis_transform()
    for row in rows:
        about = {"transform": beside, "va": "center", "size": 9, "parse_math": False}
        axes.text(-0.56, row, printable(d.names[row], 27), ha="right", **about)
        axes.text(-0.03, row, d.ranges[row], ha="right", alpha=FAINT, **about)
        mark = "   ◀ u" if row == d.row else ""
        number = f"{d.probs[row]:.3f}   {d.shares[row]:.3f}{mark}"
        axes.text(1.04, row, number, **about)
    axes.text(0, -1, " solid: share, outline: prob.", va="center", size=8.5, alpha=FAINT)
    small = {"transform": beside, "va": "center", "size": 8.5, "alpha": FAINT}
    axes.text(-0.03, -1, "if u is in", ha="right", **small)
    axes.text(1.04, -1, "prob.    share", **small)
    axes.set(xlim=(0, 1), ylim=(len(d.names) - 0.4, -0.6), yticks=[])
    axes.set_xticks([0, 0.5, 1], ["0", "0.5", "1"], size=8)
    axes.spines[["top", "right"]].set_visible(False)
    title = printable(visible_title(d.title))
    figure.text(0.02, 1 - 0.25 / height, title, weight="bold", parse_math=False)
    figure.text(0.02, 1 - 0.52 / height, printable(d.landing()), size=9, parse_math=False)
    figure.text(0.02, 0.16 / height, d.facts(), size=9)
    return figure


def _draw_line(axes: Axes, d: Draws) -> None:
    for row, (start, end) in enumerate(d.spans):
        here = row == d.row
        color = CHOSEN if here else KEPT
        axes.barh(0, end - start, left=start, color=color, edgecolor="white", lw=0.4)
        if end - start > 0.045:
            most = max(3, int(90 * (end - start)))  # characters
            text = printable(d.names[row])
            text = text if len(text) <= most else text[: most - 1] + "…"
            ink = "black" if here else "white"
            about = {"ha": "center", "va": "center", "size": 8, "parse_math": False}
            axes.text((start + end) / 2, 0, text, color=ink, **about)
    for sign, height in (("v", 0.6), ("^", -0.6)):  # the label between them stays legible
        axes.plot([d.u], [height], sign, color=CHOSEN, clip_on=False, markersize=8)
    axes.set(xlim=(0, 1), ylim=(-0.4, 0.4), yticks=[])
    axes.tick_params(labelsize=8)


def name_of(text: str) -> str:
    """Return a token's text as it stands in a row: in quotes, visible, cut."""
    return f'"{visible(text, LABEL_CHARS)}"'
