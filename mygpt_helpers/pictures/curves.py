"""Line charts with a text twin. First used in lesson 04."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from ..checks import checked_count, checked_number, checked_numbers
from ..errors import InputError
from .base import CHOSEN, CUT, DPI, KEPT, Picture, printable, visible_title

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
    x = checked_numbers("x", x)
    curves = {name: _curve(name, y) for name, y in curves.items()}
    names = {"x_label": x_label, "y_label": y_label, "title": title}
    text = curves_text(x, curves, **names, log_y=log_y, marks=marks, levels=levels, digits=digits)
    title = visible_title(title)
    x_label, y_label = visible_title(x_label, 40), visible_title(y_label, 40)
    curves = {visible_title(name, 40): y for name, y in curves.items()}
    marks, levels = named_places(marks), named_places(levels)
    return Picture(
        lambda: _figure(x, curves, x_label, y_label, title, log_x, log_y, marks, levels), text
    )


def _figure(
    x: Sequence[float],
    curves: Mapping[str, Sequence[float]],
    x_label: str,
    y_label: str,
    title: str,
    log_x: bool,
    log_y: bool,
    marks: Mapping[str, float],
    levels: Mapping[str, float],
) -> Figure:
    figure = Figure(figsize=(7.2, 3.6), dpi=DPI, layout="constrained")
    axes = figure.add_subplot()
    drawn = []
    for i, y in enumerate(curves.values()):
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
        for said, name in zip(legend.get_texts(), curves, strict=True):
            said.set_parse_math(False)
            said.set_text(printable(name)[:60])
    return figure


def curves_text(
    x: Sequence[float],
    curves: Mapping[str, Sequence[float]],
    *,
    x_label: str,
    y_label: str,
    title: str = "",
    log_y: bool = False,
    marks: Mapping[str, float] | None = None,
    levels: Mapping[str, float] | None = None,
    digits: int = 2,
) -> str:
    """Return the text twin alone; arguments and errors as in show_curves."""
    x, digits = checked_numbers("x", x), checked_count("digits", digits, first=0)
    if not x:
        raise InputError("x must have at least one point, got none.")
    points = sorted({round(i * (len(x) - 1) / 6) for i in range(7)})
    lines = [visible_title(title)] if title else []
    lines.append(f"{visible_title(y_label, 40)} over {visible_title(x_label, 40)}")
    for name, y in curves.items():
        name, y = visible_title(name, 40), _curve(name, y)
        if len(y) != len(x):
            raise InputError(f"curve {name!r} has {len(y)} points, x has {len(x)}.")
        shown = ", ".join(f"{x[i]:.3g}: {_rounded(y[i], digits, log_y)}" for i in points)
        lines.append(f"  {name}: {shown}")
    for name, at in (named_places(marks) | named_places(levels)).items():
        lines.append(f"  marked: {name} at {at:.4g}")
    return "\n".join(lines)


def named_places(places: Mapping[str, float] | None) -> dict[str, float]:
    """Return {name: place on an axis}, the names on one line; or raise ValueError."""
    finite = "a finite number"
    return {
        visible_title(name, 40): checked_number(f"the place of {name!r}", at, finite)
        for name, at in (places or {}).items()
    }


def _curve(name: str, y: Sequence[float]) -> list[float]:
    return checked_numbers(f"curve {name!r}", y)


def _rounded(value: float, digits: int, significant: bool) -> str:
    """Return a number with so many decimals, or so many significant digits; never "-0.00"."""
    if significant:
        return f"{value:.{digits}g}"
    return f"{round(value, digits) + 0.0:.{digits}f}"
