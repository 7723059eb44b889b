"""Sliders through heat maps that were computed before. First used in lesson 11."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import traitlets

from ..checks import checked_count, is_many
from ..errors import InputError
from ..pictures.grids import Grid, grid_figure, grid_text, scale_of
from ..pictures.tables import visible_title
from .base import LivePicture, Shown, Slider, browser_code, shown_labels
from .inputs import checked_parts, checked_stops


class GridsWidget(LivePicture):
    """One grid at a time out of several, chosen by one slider or more.

    grids: made by make_grid. sliders: name -> the texts of its stops, such as {"training step":
    ["0", "1", "50"]}; there is one grid for each combination of stops, and those of the last slider
    come one after another. start: each slider's first place, from 0; later it is the attribute
    `index`. All grids share one scale of colours, so that a colour means the same number at every
    stop. Raises ValueError for grids and stops that do not fit. Used from lesson 11 on.
    """

    _esm = browser_code("scroller", "heat", "grids")

    index = traitlets.TraitType(()).tag(sync=True)

    def __init__(
        self,
        grids: Sequence[Grid],
        sliders: Mapping[str, Sequence[str]],
        *,
        start: Sequence[int] | None = None,
    ) -> None:
        """Take the grids and send them to the browser."""
        self._all = checked_parts("grids", grids, Grid, "made by make_grid")
        if not isinstance(sliders, Mapping) or not all(isinstance(n, str) for n in sliders):
            raise InputError(f"sliders must be a dict, name -> stops, got {sliders!r:.80}.")
        sliders = {n: checked_stops(n, stops) for n, stops in sliders.items()}
        self._counts = {n: len(stops) for n, stops in sliders.items()}
        wanted = math.prod(self._counts.values())
        if len(self._all) != wanted:
            counts = " x ".join(map(str, self._counts.values())) or "none"
            raise InputError(
                f"there must be one grid for each combination of the sliders' stops: {wanted} "
                f"({counts}), got {len(self._all)}."
            )
        knobs = enumerate(sliders.items())
        super().__init__(
            label=", ".join(sliders) or "table",
            data={"grids": [*map(sent_grid, self._all)], "scale": scale_of(self._all)},
            sliders=[Slider(name, "index", texts, item=i) for i, (name, texts) in knobs],
            index=start if start is not None else (0,) * len(sliders),
        )

    @traitlets.validate("index")
    def _validate_index(self, proposal: traitlets.Bunch) -> tuple[int, ...]:
        places = tuple(proposal.value) if is_many(proposal.value) else ()
        if len(places) != len(self._counts):
            raise InputError(
                f"index must have one place for each slider, {len(self._counts)}, "
                f"got {proposal.value!r:.80}."
            )
        pairs = zip(self._counts.items(), places, strict=True)
        return tuple(
            checked_count(n, place, first=0, last=count - 1) for (n, count), place in pairs
        )

    @property
    def grid(self) -> Grid:
        """The grid now shown."""
        at = 0
        for place, count in zip(self.index, self._counts.values(), strict=True):
            at = at * count + place
        return self._all[at]

    def shown(self) -> Shown:
        """Return what is shown of the grid."""
        return shown_grid(self.grid, self._data["scale"])


def sent_grid(grid: Grid) -> dict[str, Any]:
    """Return what the browser shows of one grid; as bytes, since JSON knows no nan."""
    return {
        "values": np.array(grid.values, dtype="<f8").tobytes(),  # (R, C)
        "rows": shown_labels(grid.rows),
        "columns": shown_labels(grid.columns),
        "title": visible_title(grid.title),
        "row_label": visible_title(grid.row_label, 40),
        "column_label": visible_title(grid.column_label, 40),
        "facts": visible_title(grid.facts),
    }


def shown_grid(grid: Grid, scale: tuple[float, float]) -> Shown:
    """Return what is shown of a grid: rows of a label and its values."""
    sent = sent_grid(grid)
    rows = [[short, *row] for (short, _), row in zip(sent["rows"], grid.values, strict=True)]
    page = {"title": sent["title"], "facts": sent["facts"], "rows": rows}
    return Shown(grid_text(grid), lambda: grid_figure(grid, scale=scale), page)
