"""Line charts with a text twin. First used in lesson 04."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from ..checks import checked_count, checked_number, checked_numbers
from ..errors import InputError
from .base import CHOSEN, CUT, DPI, KEPT, Picture, printable
from .tables import visible_title

CURVES = [KEPT, CHOSEN, "#009E73", "#CC79A7"]
DASHES = ["-", "--", ":", "-."]


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

    x and each curve: a list of numbers, or a tensor or an array of shape (N,). digits: decimals in
    the text twin; on a logarithmic y axis, significant ones. marks, levels: named positions on the
    x and on the y axis, drawn as dotted lines. Raises ValueError for no points, for a curve of
    another length than x, and for what is no number. Used from lesson 04 on.
    """
    x, digits = checked_numbers("x", x), checked_count("digits", digits, first=0)
    if not x:
        raise InputError("x must have at least one point, got none.")
    named = []  # no dict: what is shown of two names may be the same
    for name, y in curves.items():
        shown, y = visible_title(name, 40), checked_numbers(f"curve {name!r}", y)
        if len(y) != len(x):
            raise InputError(f"curve {shown!r} has {len(y)} points, x has {len(x)}.")
        named.append((shown, y))
    about = {"x_label": visible_title(x_label, 40), "y_label": visible_title(y_label, 40)}
    about |= {"title": visible_title(title), "log_y": log_y}
    about |= {"marks": named_places(marks), "levels": named_places(levels)}
    text = _text(x, named, **about, digits=digits)
    return Picture(lambda: _figure(x, named, **about, log_x=log_x), text)


def _figure(
    x: list[float],
    curves: list[tuple[str, list[float]]],
    *,
    x_label: str,
    y_label: str,
    title: str,
    log_x: bool,
    log_y: bool,
    marks: list[tuple[str, float]],
    levels: list[tuple[str, float]],
) -> Figure:
    figure = Figure(figsize=(7.2, 3.6), dpi=DPI, layout="constrained")
    axes = figure.add_subplot()
    drawn = []
    for i, (_, y) in enumerate(curves):
        drawn += axes.plot(x, y, DASHES[i % 4], color=CURVES[i % 4], lw=2)
    for name, at in marks:
        axes.axvline(at, color=CUT, linestyle=":", linewidth=1)
        above = axes.get_xaxis_transform()
        label = f" {printable(name, 40)}"  # escapes are longer than what they stand for
        axes.text(at, 1.0, label, transform=above, va="bottom", parse_math=False)
    for name, at in levels:
        axes.axhline(at, color=CUT, linestyle=":", linewidth=1)
        beside = axes.get_yaxis_transform()
        label = f" {printable(name, 40)}"
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
        for said, (name, _) in zip(legend.get_texts(), curves, strict=True):
            said.set_parse_math(False)
            said.set_text(printable(name, 60))
    return figure


def _text(
    x: list[float],
    curves: list[tuple[str, list[float]]],
    *,
    x_label: str,
    y_label: str,
    title: str,
    log_y: bool,
    marks: list[tuple[str, float]],
    levels: list[tuple[str, float]],
    digits: int,
) -> str:
    points = sorted({round(i * (len(x) - 1) / 6) for i in range(7)})
    lines = [title] if title else []
    lines.append(f"{y_label} over {x_label}")
    for name, y in curves:
        shown = ", ".join(f"{x[i]:.3g}: {_rounded(y[i], digits, log_y)}" for i in points)
        lines.append(f"  {name}: {shown}")
    for name, at in marks + levels:
        lines.append(f"  marked: {name} at {at:.4g}")
    return "\n".join(lines)


def named_places(places: Mapping[str, float] | None) -> list[tuple[str, float]]:
    """Return the names, on one line, and the places on an axis; or raise ValueError."""
    return [
        (visible_title(name, 40), checked_number(f"the place of {name!r}", at, "a finite number"))
        for name, at in (places or {}).items()
    ]


def _rounded(value: float, digits: int, significant: bool) -> str:
    """Return a number with so many decimals, or so many significant digits; never "-0.00"."""
    if significant:
        return f"{value:.{digits}g}"
    return f"{round(value, digits) + 0.0:.{digits}f}"
