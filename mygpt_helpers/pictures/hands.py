"""Attention by hand: vectors of two numbers, their weights, and the mixture. For lesson 10."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .base import CHOSEN, DPI, FAINT, KEPT, LABEL_CHARS, printable
from .grids import number_text
from .tables import visible, visible_title

WIDTH = 7.2  # inches
PLANE = 2.9  # inches, its height and its width
MOST_QUERY = 4  # the largest number of a query; it ends at the plane's edge
TITLE = "Attention by hand"
LEGEND = "◆ mixture    ● values    → query, at a scale of its own"
Pair = tuple[float, float]


@dataclass(frozen=True)
class Hand:
    """Tokens and what they are found by and hand over, and a query that mixes it."""

    tokens: tuple[str, ...]
    vectors: tuple[Pair, ...]
    values: tuple[Pair, ...] | None  # None: the vectors
    query: Pair

    @property
    def handed(self) -> tuple[Pair, ...]:
        """What each token hands over."""
        return self.vectors if self.values is None else self.values

    @property
    def columns(self) -> dict[str, tuple[Pair, ...]]:
        """The columns of vectors: {heading: one for each token}."""
        if self.values is None:
            return {"vector": self.vectors}
        return {"found by": self.vectors, "hands over": self.values}

    @property
    def names(self) -> list[str]:
        """What each token's row is called."""
        return [f'"{visible(token, LABEL_CHARS)}"' for token in self.tokens]

    @property
    def spots(self) -> dict[Pair, str]:
        """The places of the plane where values are, and the names of the tokens there."""
        names: dict[Pair, list[str]] = {}
        for token, value in zip(self.tokens, self.handed, strict=True):
            names.setdefault(value, []).append(visible(token, 10))
        return {value: visible_title(", ".join(there), 18) for value, there in names.items()}

    @property
    def scores(self) -> list[float]:
        """The dot product of the query and each token's vector."""
        return [self.query[0] * x + self.query[1] * y for x, y in self.vectors]

    @property
    def weights(self) -> list[float]:
        """The softmax of the scores."""
        scores = self.scores
        powers = [exp(score - max(scores)) for score in scores]
        return [power / sum(powers) for power in powers]

    @property
    def mixture(self) -> Pair:
        """The weighted mean of what the tokens hand over."""
        pairs = [*zip(self.weights, self.handed, strict=True)]
        return sum(w * x for w, (x, _) in pairs), sum(w * y for w, (_, y) in pairs)

    @property
    def score_texts(self) -> list[str]:
        """The scores, rounded."""
        return [*map(number_text, self.scores)]

    @property
    def weight_texts(self) -> list[str]:
        """The weights, rounded less: they have to sum to 1."""
        return [f"{weight:.3f}" for weight in self.weights]

    def facts(self) -> str:
        """Return the mixture as the sum that it is."""
        pairs = zip(self.weight_texts, map(pair_text, self.handed), strict=True)
        parts = [f"{weight} × {value}" for weight, value in pairs]
        x, y = map(number_text, self.mixture)
        return f"mixture = {' + '.join(parts)} = ({x}, {y})"


def pair_text(pair: Pair) -> str:
    """Return "(1, 0.25)": two numbers of at most two decimals."""
    texts = (number_text(number) for number in pair)
    return f"({', '.join(t.rstrip('0').rstrip('.') for t in texts)})"


def hand_text(hand: Hand) -> str:
    """Return the text twin: the table and the mixture."""
    vectors = ([*map(pair_text, pairs)] for pairs in hand.columns.values())
    columns = [hand.names, *vectors, hand.score_texts, hand.weight_texts]
    headings = ["token", *hand.columns, "score", "weight"]
    lines = [TITLE, f"query: {pair_text(hand.query)}"]
    for line in zip(*([h, *c] for h, c in zip(headings, columns, strict=True)), strict=True):
        first, *others = zip(line, columns, headings, strict=True)
        name = first[0].ljust(max(map(len, [first[2], *first[1]])))
        cells = (text.rjust(max(map(len, [heading, *c]))) for text, c, heading in others)
        lines.append("  ".join(["", name, *cells]))
    return "\n".join([*lines, hand.facts()])


def hand_figure(hand: Hand) -> Figure:
    """Return the table with its bars, beside the plane of the values, the query and the mixture."""
    count = len(hand.tokens)
    facts = _lines(hand.facts())
    height = 0.45 + max(PLANE, 0.5 + 0.26 * count) + 0.25 + 0.18 * len(facts)
    figure = Figure(figsize=(WIDTH, height), dpi=DPI)
    below = (0.2 + 0.18 * len(facts)) / height
    _draw_plane(
        figure.add_axes((1 - PLANE / WIDTH - 0.01, below, PLANE / WIDTH, PLANE / height)), hand
    )

    def write(x: float, inches: float, text: str, **about: object) -> None:
        """Write at x, a part of the width, and inches from the top."""
        at = {"va": "center", "size": 8.5, "parse_math": False} | about
        figure.text(x, 1 - inches / height, printable(text), **at)

    right = [0.125, *(0.125 + 0.113 * i for i in range(1, len(hand.columns) + 1))]
    after = right[-1] + 0.07  # the scores end here, and then the bars begin
    columns = [[*map(pair_text, pairs)] for pairs in hand.columns.values()]
    headings = ["token", *hand.columns, "score", "weight"]
    cells = [*columns, hand.score_texts, hand.weight_texts]
    names = [printable(name) for name in hand.names]
    names = [name if len(name) < 12 else f"{name[:10]}…" for name in names]
    for x, heading, column in zip([*right, after, 0.56], headings, [names, *cells], strict=True):
        write(x, 0.62, heading, ha="right", alpha=FAINT)
        for row, text in enumerate(column):
            write(x, 0.88 + 0.26 * row, text, ha="right")
    bars = figure.add_axes(
        (after + 0.015, 1 - (0.75 + 0.26 * count) / height, 0.495 - after, 0.26 * count / height)
    )
    bars.barh(range(count), hand.weights, height=0.72, color=KEPT)
    bars.set(xlim=(0, 1), ylim=(count - 0.5, -0.5), xticks=[], yticks=[])
    bars.spines[["top", "right", "bottom"]].set_visible(False)
    write(0.02, 0.22, f"{TITLE}: query {pair_text(hand.query)}", weight="bold", size=10)
    for line, text in enumerate(facts):
        write(0.02, height - 0.12 - 0.18 * (len(facts) - 1 - line), text)
    return figure


def _lines(text: str, most: int = 105) -> list[str]:
    """Return a sum as lines that are broken before a plus or the result."""
    lines = [""]
    for word in text.replace(" + ", "\n+ ").replace(") = ", ")\n= ").split("\n"):
        if len(lines[-1]) + len(word) > most:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def _draw_plane(axes: Axes, hand: Hand) -> None:
    most = max([1e-9, *(abs(n) for value in hand.handed for n in value)])
    edge = 1.25 * most
    axes.axhline(0, color="#8886", lw=0.8)
    axes.axvline(0, color="#8886", lw=0.8)
    x, y = hand.mixture
    for (vx, vy), weight in zip(hand.handed, hand.weights, strict=True):
        axes.plot([vx, x], [vy, y], color=KEPT, alpha=0.45, lw=0.8 + 6 * weight)
    query = [edge * 0.97 * q / MOST_QUERY for q in hand.query]
    if any(query):
        axes.annotate("", query, (0, 0), arrowprops={"arrowstyle": "->", "color": "#888888"})
    for value, name in hand.spots.items():
        axes.plot(*value, "o", color=KEPT, markersize=6)
        side, shift = ("right", 4) if value[0] > 0 else ("left", 6)
        about = {"textcoords": "offset points", "ha": side, "size": 8.5, "parse_math": False}
        axes.annotate(printable(name, 18), value, (shift, 9), **about)
    axes.plot(x, y, "D", color=CHOSEN, markersize=7)
    axes.set(xlim=(-edge, edge), ylim=(-edge, edge))
    ends = [pair_text((end, end)).partition(",")[0][1:] for end in (-most, most)]
    axes.set_xticks([-most, most], ends, size=7.5)
    axes.set_yticks([-most, most], ends, size=7.5)
    small = {"size": 8, "alpha": FAINT, "ha": "right"}
    axes.text(edge, -0.13 * edge, "1st number ", **small)
    axes.text(-0.03 * edge, 0.92 * edge, "2nd number", **small)
    axes.set_title(LEGEND, size=7.5, alpha=FAINT)
    axes.spines[:].set_color("#8886")
