"""Pictures, each with a text twin. Built for every lesson; first used in lesson 01.

A picture is a function of data, never of a model. It displays as one MIME bundle: a PNG for the
eye, and under text/plain what it shows, in rounded numbers: for a screen reader, for where no
picture can be shown, and for the comparison that re-runs the course.
"""

from __future__ import annotations

import io
import math
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.ticker import LogLocator, NullFormatter
from PIL import Image
from torch import Tensor

from .sampling import entropy
from .tables import visible

# One colour, one meaning, in every lesson (Okabe and Ito's set for colour-blind readers).
KEPT, CUT, GREEDY, CHOSEN = "#0072B2", "#999999", "#E69F00", "#D55E00"
CURVES = [KEPT, CHOSEN, "#009E73", "#CC79A7"]
DASHES = ["-", "--", ":", "-."]
DPI = 150
LABEL_CHARS = 24


class Picture:
    """A matplotlib figure and the text that says the same. Used from lesson 01 on."""

    def __init__(self, figure: Figure, text: str) -> None:
        self.figure, self.text = figure, text

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, **kwargs: object) -> tuple[dict[str, Any], dict[str, Any]]:
        return bundle(self.figure, self.text)


def bundle(figure: Figure, text: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a figure and its text twin as Jupyter's (data, metadata)."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    png = io.BytesIO()
    # 128 colours make the stored notebook much smaller. They are chosen so that a colour of
    # few pixels stays what it is, such as the strongest cell's of a heat map.
    image = Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3])
    image.quantize(128, Image.Quantize.MAXCOVERAGE).save(png, "PNG")
    width, height = figure.get_size_inches() * 96  # CSS pixels to the inch
    data = {"image/png": b64encode(png.getvalue()).decode("ascii"), "text/plain": text}
    return data, {"image/png": {"alt": text, "width": round(width), "height": round(height)}}


@dataclass(frozen=True)
class Distribution:
    """What a picture of a next-token distribution shows."""

    labels: tuple[str, ...]  # the tokens shown, in the model's own order: largest logit first
    before: tuple[float, ...]  # their probabilities by the model alone, softmax(logits)
    after: tuple[float, ...]  # and after the knobs
    vocab_size: int
    num_kept: int  # tokens of a probability above 0 after the knobs
    rest_mass: float  # probability, after the knobs, of all the tokens not shown
    rest_count: int
    entropy: float  # nats, after the knobs
    setting: str = ""  # such as "temperature 0.7, top_k 40"
    title: str = ""

    def state(self, row: int) -> str:
        """Return what became of a row's token: "top", "cut" or ""."""
        if self.after[row] == 0:
            return "cut"
        return "top" if self.after[row] == max(self.after) else ""


def summarize(
    logits: Tensor,
    probs: Tensor,
    label_of: Callable[[int], str],
    *,
    num_bars: int = 12,
    setting: str = "",
    title: str = "",
) -> Distribution:
    """Return what to show of a distribution: the num_bars tokens with the largest logits.

    logits, probs: (V,), before and after the knobs. label_of: id -> text. Used from lesson 01 on.
    """
    before = logits.float().softmax(dim=-1)  # (V,)
    shown = logits.argsort(descending=True, stable=True)[:num_bars]  # (num_bars,)
    return Distribution(
        labels=tuple(label_of(int(i)) for i in shown),
        before=tuple(before[shown].tolist()),
        after=tuple(probs[shown].tolist()),
        vocab_size=len(logits),
        num_kept=int((probs > 0).sum()),
        rest_mass=max(0.0, 1 - float(probs[shown].double().sum())),
        rest_count=len(logits) - len(shown),
        entropy=float(entropy(probs)),
        setting=setting,
        title=title,
    )


def distribution_text(d: Distribution, digits: int = 2) -> str:
    """Return the text twin of a distribution's picture."""
    labels = [f'"{visible(label, LABEL_CHARS)}"' for label in d.labels]
    width = max(map(len, labels))
    heading = ", ".join(part for part in (visible_title(d.title), d.setting) if part)
    lines = [heading] if heading else []
    for row, label in enumerate(labels):
        lines.append(f"  {label:<{width}}  {d.after[row]:.{digits}f}  {d.state(row)}".rstrip())
    lines += footer(d, digits)
    return "\n".join(lines)


def footer(d: Distribution, digits: int) -> list[str]:
    """Return the lines under the bars: what is not shown, and how unsure the distribution is."""
    lines = []
    if d.num_kept < d.vocab_size:
        lines.append(f"{d.num_kept:,} of {d.vocab_size:,} tokens kept")
    if d.rest_count:
        lines.append(f"not shown: {d.rest_count:,} tokens, {d.rest_mass:.{digits}f} together")
    choices = math.exp(d.entropy)
    lines.append(
        f"entropy {d.entropy:.{digits}f} nats, as unsure as between {choices:.1f} equal choices"
    )
    return lines


def distribution_figure(d: Distribution) -> Figure:
    """Return a bar chart: solid bars after the knobs, outlines without them."""
    rows = range(len(d.labels))
    # Lines above and below the bars have a fixed height, whatever the number of bars.
    height = 1.3 + 0.25 * len(d.labels)
    figure = Figure(figsize=(7.2, height), dpi=DPI, facecolor="white")
    axes = figure.add_axes((0.27, 0.8 / height, 0.56, 1 - 1.3 / height))
    axes.barh(rows, d.after, height=0.72, color=KEPT)
    axes.barh(rows, d.before, height=0.72, fill=False, edgecolor="#222222", linewidth=0.9)
    longest = max(*d.before, *d.after)
    for row in rows:
        state = d.state(row)
        if state == "top":
            axes.barh(row, d.after[row], height=0.72, color=KEPT, edgecolor=GREEDY, linewidth=2)
        if state == "cut":
            axes.barh(
                row, d.before[row], height=0.72, fill=False, hatch="////", edgecolor=CUT, lw=0
            )
        label = printable(f'"{visible(d.labels[row], LABEL_CHARS)}"')
        x = axes.get_yaxis_transform()
        axes.text(-0.02, row, label, transform=x, ha="right", va="center", parse_math=False)
        sign = {"top": "▲ top", "cut": "✕ cut", "": ""}[state]
        number = f"{d.after[row]:.3f}  {sign}"
        axes.text(1.02, row, number, transform=x, va="center", parse_math=False)
    axes.set(xlim=(0, longest * 1.02 or 1), ylim=(len(d.labels) - 0.4, -0.6), yticks=[], xticks=[])
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    heading = ", ".join(part for part in (visible_title(d.title), d.setting) if part)
    figure.text(0.02, 1 - 0.25 / height, printable(heading), weight="bold", parse_math=False)
    under = footer(d, 3)
    first = "  ·  ".join([*under[:-1], "outline: without these settings"])
    figure.text(0.02, 0.45 / height, first, size=9, parse_math=False)
    figure.text(0.02, 0.2 / height, under[-1], size=9, parse_math=False)
    return figure


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
    return Picture(distribution_figure(d), distribution_text(d))


def show_curves(
    x: Sequence[float],
    curves: Mapping[str, Sequence[float]],
    *,
    x_label: str,
    y_label: str,
    title: str = "",
    log_x: bool = False,
    log_y: bool = False,
    marks: Mapping[str, float] | None = None,
    levels: Mapping[str, float] | None = None,
    digits: int = 2,
) -> Picture:
    """Return a line chart of one or more named curves over x, with a text twin of seven points.

    digits: decimals in the text twin; on a logarithmic y axis, significant ones. marks, levels:
    named positions on the x and on the y axis, drawn as dotted lines. Raises
    ValueError for no points, and for a curve of another length than x. Used from lesson 04 on.
    """
    if not len(x):
        raise ValueError("x must have at least one point, got none.")
    title = visible_title(title)
    x_label, y_label = visible_title(x_label, 40), visible_title(y_label, 40)
    curves = {visible_title(name, 40): y for name, y in curves.items()}
    marks = {visible_title(name, 40): at for name, at in (marks or {}).items()}
    levels = {visible_title(name, 40): at for name, at in (levels or {}).items()}
    figure = Figure(figsize=(7.2, 3.6), dpi=DPI, facecolor="white", layout="constrained")
    axes = figure.add_subplot()
    drawn = []
    for i, (name, y) in enumerate(curves.items()):
        if len(y) != len(x):
            raise ValueError(f"curve {name!r} has {len(y)} points, x has {len(x)}.")
        drawn += axes.plot(x, y, DASHES[i % 4], color=CURVES[i % 4], lw=2)
    for name, at in marks.items():
        axes.axvline(at, color=CUT, linestyle=":", linewidth=1)
        above = axes.get_xaxis_transform()
        label = f" {printable(name)[:40]}"  # escapes are longer than what they stand for
        axes.text(at, 1.0, label, transform=above, va="bottom", parse_math=False)
    for name, at in levels.items():
        axes.axhline(at, color=CUT, linestyle=":", linewidth=1)
        beside = axes.get_yaxis_transform()
        label = f" {printable(name)[:40]}"
        axes.text(1.0, at, label, transform=beside, va="center", parse_math=False)
    axes.set(xscale="log" if log_x else "linear", yscale="log" if log_y else "linear")
    if log_x:
        axes.xaxis.set_major_formatter("{x:g}")
    if log_y:
        low, high = axes.get_ylim()
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 1000 * low else (1,)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel(printable(x_label), parse_math=False)
    axes.set_ylabel(printable(y_label), parse_math=False)
    axes.set_title(printable(title), loc="left", weight="bold", parse_math=False, pad=18)
    axes.spines[["top", "right"]].set_visible(False)
    if len(curves) > 1:
        # The names are set afterwards: matplotlib would leave out one that begins with "_".
        legend = axes.legend(drawn, [str(i) for i in range(len(drawn))], frameon=False)
        for text, name in zip(legend.get_texts(), curves, strict=True):
            text.set_parse_math(False)
            text.set_text(printable(name)[:60])
    points = sorted({round(i * (len(x) - 1) / 6) for i in range(7)})
    lines = [title] if title else []
    lines.append(f"{y_label} over {x_label}")
    for name, y in curves.items():
        shown = ", ".join(f"{x[i]:.3g}: {_rounded(y[i], digits, log_y)}" for i in points)
        lines.append(f"  {name}: {shown}")
    lines += [f"  marked: {name} at {at:.4g}" for name, at in (marks | levels).items()]
    return Picture(figure, "\n".join(lines))


def _rounded(value: float, digits: int, significant: bool) -> str:
    """Return a number with so many decimals, or so many significant digits; never "-0.00"."""
    if significant:
        return f"{value:.{digits}g}"
    return f"{round(value, digits) + 0.0:.{digits}f}"


def visible_title(text: str, max_chars: int = 90) -> str:
    """Return a title on one line; its spaces stay spaces, since it is read as prose."""
    return visible(text, max_chars).replace("␣", " ")


@cache
def _glyphs() -> frozenset[int]:
    fonts = (findfont(FontProperties(family="DejaVu Sans", weight=w)) for w in ("normal", "bold"))
    return frozenset.intersection(*(frozenset(get_font(font).get_charmap()) for font in fonts))


def printable(text: str) -> str:
    """Return text with characters that the figures' fonts lack (an emoji, say) as escapes."""
    return "".join(c if ord(c) in _glyphs() else f"\\u{{{ord(c):x}}}" for c in text)
