"""Attention by hand, under two sliders. First used in lesson 10."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import traitlets
from torch import Tensor

from ..checks import checked_numbers, checked_texts, is_many
from ..errors import InputError
from ..pictures.hands import (
    LEGEND,
    MOST_QUERY,
    TITLE,
    Hand,
    Pair,
    hand_figure,
    hand_text,
    pair_text,
)
from .base import LivePicture, Shown, Slider, browser_code, shown_labels

MOST_TOKENS = 8
MOST = 100  # the largest number of a vector
STOPS = [i / 4 for i in range(-4 * MOST_QUERY, 4 * MOST_QUERY + 1)]


class HandAttentionWidget(LivePicture):
    """Attention over a few tokens whose vectors have two numbers, small enough to do by hand.

    tokens: 1 to 8 texts. vectors: (T, 2), what each token is found by; values: (T, 2), what it
    hands over, by default the vectors. A token's score is the dot product of the query and its
    vector, its weight the softmax of the scores, and the mixture the weighted mean of the values.
    query: two numbers from -4 to 4, where the sliders start, and an attribute. Raises ValueError
    for what does not fit together. Used in lesson 10.
    """

    _esm = browser_code("heat", "hand_attention")

    query = traitlets.TraitType(()).tag(sync=True)

    def __init__(
        self,
        tokens: Sequence[str],
        vectors: Tensor | Sequence[Sequence[float]],
        *,
        values: Tensor | Sequence[Sequence[float]] | None = None,
        query: Sequence[float] = (3.0, 0.0),
    ) -> None:
        """Send the vectors; the browser computes what hangs on the query."""
        tokens = checked_texts("tokens", tokens)
        if not 1 <= len(tokens) <= MOST_TOKENS:
            raise InputError(f"tokens must be 1 to {MOST_TOKENS} texts, got {len(tokens)}.")
        vectors = _pairs("vectors", vectors, len(tokens))
        values = None if values is None else _pairs("values", values, len(tokens))
        self._hand = Hand(tokens, vectors, values, (0.0, 0.0))
        data = {
            "title": TITLE,
            "legend": LEGEND,
            "most_query": MOST_QUERY,
            "labels": shown_labels(tokens),
            "spots": [*self._hand.spots.items()],
            "vectors": vectors,
            "values": self._hand.handed,
            "columns": {h: [*map(pair_text, c)] for h, c in self._hand.columns.items()},
        }
        names = ("query, 1st number", "query, 2nd number")
        sliders = [Slider(name, "query", stops=STOPS, item=i) for i, name in enumerate(names)]
        super().__init__(label=TITLE, data=data, sliders=sliders, query=query)

    @traitlets.validate("query")
    def _validate_query(self, proposal: traitlets.Bunch) -> Pair:
        return _pair("query", proposal.value, MOST_QUERY)

    def shown(self) -> Shown:
        """Return what is shown for the query: rows of a token's vectors, score and weight."""
        hand = Hand(self._hand.tokens, self._hand.vectors, self._hand.values, self.query)
        columns = [hand.names, *self._data["columns"].values(), hand.scores, hand.weights]
        rows = [[*row] for row in zip(*columns, strict=True)]
        page = {"title": TITLE, "facts": hand.facts(), "rows": rows}
        return Shown(hand_text(hand), lambda: hand_figure(hand), page)


def _pairs(name: str, pairs: Tensor | Sequence[Sequence[float]], count: int) -> tuple[Pair, ...]:
    """Return so many pairs of numbers, or raise ValueError."""
    given = pairs.tolist() if isinstance(pairs, Tensor | np.ndarray) else pairs
    rows = [*given] if is_many(given) else []
    if len(rows) != count:
        raise InputError(
            f"{name} must be {count} pairs of numbers, one for each token; got {pairs!r:.80}."
        )
    return tuple(_pair(f"{name}[{i}]", row, MOST) for i, row in enumerate(rows))


def _pair(name: str, pair: Sequence[float], most: int) -> Pair:
    """Return two numbers from -most to most, or raise ValueError."""
    numbers = checked_numbers(name, pair)
    if len(numbers) != 2 or not all(abs(number) <= most for number in numbers):
        raise InputError(f"{name} must be two numbers from -{most} to {most}, got {pair!r:.80}.")
    return numbers[0], numbers[1]
