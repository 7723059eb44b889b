"""The stills of a trace: one step of the loop, and a text by how likely it was. For lesson 02."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from .base import CHOSEN, CUT, DPI, FAINT, KEPT, printable
from .distributions import Distribution, draw_bars
from .grids import colour_of, ink_on
from .tables import visible, visible_title

WIDTH = 7.2  # inches
GIVEN, WRITTEN = "none", "#D9EAF4"
PER_ROW, BANDS = 10, 2  # tiles of the text so far, the last ones
TILE_CHARS = 12
MOST_LINES = 14  # of a coloured text


@dataclass(frozen=True)
class Written:
    """One token that a model wrote, as a picture shows it."""

    token: str
    own: float  # its probability by the model alone
    prob: float  # and after the knobs
    rank: int  # by the model alone; 1 is its top token
    alone: bool  # whether the knobs kept no other token
    u: float | None  # the number of its draw
    distribution: Distribution  # what it was chosen from; the row of the token is marked

    def story(self) -> str:
        """Return what is to be said about the choice, after the token itself."""
        prob, own = f"{self.prob:.3f}", f"{self.own:.3f}"
        both = prob if prob == own else f"{prob} ({own} by the model alone)"
        if self.alone:
            only = "greedy: only the top token" if self.rank == 1 else "only this token"
            said = f", probability {own} by the model, rank {self.rank:,}"
            return f"{said}; {only} could be chosen"
        drawn = "" if self.u is None else f"; u {self.u:.3f}"
        return f", probability {both}, rank {self.rank:,}{drawn}"


def percent(prob: float) -> str:
    """Return a probability in two digits or so, and never 0% or 100% for what is neither."""
    if 0 < prob < 0.005:
        return "<1%"
    return ">99%" if 0.995 <= prob < 1 else f"{prob:.0%}"


def counted(tokens: int) -> str:
    """Return how many tokens there are, in words."""
    return "1 token" if tokens == 1 else f"{tokens:,} tokens"


def summary(written: Sequence[Written]) -> str:
    """Return how likely a text was to its model, over all tokens that were written."""
    logs = [math.log(w.own) if w.own > 0 else -math.inf for w in written]
    tops = sum(w.rank == 1 for w in written) / len(written)
    mean = sum(logs) / len(written)
    likely = f"mean log-probability {mean:.2f}, {tops:.0%} the model's top token"
    return f"{counted(len(written))} written: {likely}"


def window(length: int) -> int:
    """Return the first position shown of a text so long: whole rows, so that tiles stay put."""
    return max(0, -(-length // PER_ROW) - BANDS) * PER_ROW


def step_figure(title: str, tokens: Sequence[str], first: int, given: int, now: Written) -> Figure:
    """Return the picture of one step.

    tokens: the last ones of the text so far, from position `first` on; given: how many of the whole
    text were the prompt.
    """
    bands = -(-(len(tokens) + 1) // PER_ROW)
    bars = 0.25 * len(now.distribution.labels)
    height = 0.5 + 0.62 * bands + 0.2 + bars + 0.45
    figure = Figure(figsize=(WIDTH, height), dpi=DPI)
    heading = printable(title)
    figure.text(0.02, 1 - 0.25 / height, heading, weight="bold", parse_math=False)
    corner = (0.11, 1 - (0.45 + 0.62 * bands) / height)
    tiles = figure.add_axes((*corner, 0.87, 0.62 * bands / height))
    tiles.set(xlim=(0, PER_ROW), ylim=(2 * bands, 0))
    tiles.axis("off")
    for place, token in enumerate([*tokens, now.token]):
        band, column = divmod(place, PER_ROW)
        position = first + place
        if column == 0:
            beside = {"size": 7, "alpha": FAINT, "ha": "right", "va": "center"}
            tiles.text(-0.08, 2 * band + 0.5, f"position {position}", **beside)
            tiles.text(-0.08, 2 * band + 1.45, "mask", **beside)
        is_next = place == len(tokens)
        _tile(tiles, (column, 2 * band), token, position < given, is_next)
        if not is_next:
            tiles.text(column + 0.5, 2 * band + 1.45, "1", size=9, ha="center", va="center")
    draw_bars(figure.add_axes((0.26, 0.45 / height, 0.54, bars / height)), now.distribution)
    said = printable(f'chosen: "{visible(now.token, 24)}"{now.story()}')
    figure.text(0.02, 0.15 / height, said, size=9, parse_math=False)
    return figure


def _tile(axes: Axes, corner: tuple[int, int], token: str, given: bool, is_next: bool) -> None:
    x, y = corner
    ground = GIVEN if given or is_next else WRITTEN
    edge, style = (CHOSEN, "--") if is_next else (CUT, "-")
    axes.add_patch(Rectangle((x + 0.03, y + 0.05), 0.94, 0.9, fc=ground, ec=edge, ls=style, lw=1))
    if ground == WRITTEN:
        axes.plot([x + 0.03, x + 0.97], [y + 0.92] * 2, color=KEPT, lw=2, solid_capstyle="butt")
    text = printable(visible(token, TILE_CHARS), TILE_CHARS)
    size = min(8.5, 62 / max(1, len(text)))
    ink = "black" if ground == WRITTEN else None
    about = {"color": ink, "ha": "center", "va": "center", "parse_math": False}
    axes.text(x + 0.5, y + 0.48, ("◆ " if is_next else "") + text, size=size, **about)


def text_figure(title: str, prompt: Sequence[str], written: Sequence[Written]) -> Figure:
    """Return the picture of a text whose written tokens are coloured by how likely they were."""
    tokens = [*((token, None) for token in prompt), *((w.token, w.own) for w in written)]
    lines: list[list[tuple[float, float, str, float | None]]] = [[]]  # x, width, text, probability
    x = 0.0
    for token, own in tokens:
        text = printable(visible(token, TILE_CHARS), 2 * TILE_CHARS)
        wide = max(0.13 + 0.082 * len(text), 0.36)  # inches
        if x + wide > WIDTH - 0.3:
            lines.append([])
            x = 0.0
        lines[-1].append((x, wide, text, own))
        x += wide
        if "\n" in token:
            lines.append([])
            x = 0.0
    shown = lines[:MOST_LINES]
    height = 0.45 + 0.46 * len(shown) + 0.35
    figure = Figure(figsize=(WIDTH, height), dpi=DPI)
    figure.text(0.02, 1 - 0.25 / height, printable(title), weight="bold", parse_math=False)
    axes = figure.add_axes((0.02, 0.35 / height, 1 - 0.3 / WIDTH, 0.46 * len(shown) / height))
    axes.set(xlim=(0, WIDTH - 0.3), ylim=(len(shown), 0))
    axes.axis("off")
    for row, line in enumerate(shown):
        for x, wide, text, own in line:
            _word(axes, (x, row), wide, text, own)
    cut = "" if len(shown) == len(lines) else f"  ·  {len(lines) - len(shown)} more lines"
    figure.text(0.02, 0.12 / height, summary(written) + cut, size=9, parse_math=False)
    return figure


def _word(
    axes: Axes, corner: tuple[float, float], wide: float, text: str, own: float | None
) -> None:
    x, y = corner
    about = {"ha": "center", "parse_math": False, "family": "DejaVu Sans"}
    if own is None:
        axes.text(x + wide / 2, y + 0.4, text, size=8.5, va="center", **about)
        return
    ground = colour_of(own, (0.0, 1.0))
    about["color"] = ink_on(ground)
    text = text or '""'  # a token without text is to be seen, too
    axes.add_patch(Rectangle((x + 0.01, y + 0.05), wide - 0.02, 0.9, fc=ground, ec=CUT, lw=0.5))
    axes.text(x + wide / 2, y + 0.36, text, size=8.5, va="center", **about)
    axes.text(x + wide / 2, y + 0.74, percent(own), size=6.5, va="center", **about)


def title_of(title: str, given: int, length: int, first: int) -> str:
    """Return the line above a step's tiles: whose text it is, and how long."""
    before = f", … {first:,} before" if first else ""
    said = f"{counted(given)} given, {length - given:,} written{before}"
    return visible_title(f"{title}: {said}" if title else said)
