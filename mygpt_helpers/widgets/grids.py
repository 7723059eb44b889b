"""Sliders through heat maps that were computed before. First used in lesson 11."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import anywidget
import numpy as np
import traitlets

from ..pictures.base import LABEL_CHARS, bundle, visible_title
from ..pictures.grids import Grid, grid_figure, grid_text, scale_of
from ..pictures.tables import visible
from .inputs import browser_code, checked_place, checked_stops


class GridsWidget(anywidget.AnyWidget):
    """One grid at a time out of several, chosen by one slider or more.

    grids: made by make_grid. sliders: name -> the texts of its stops, such as {"training step":
    ["0", "1", "50"]}; there is one grid for each combination of stops, and those of the last slider
    come one after another. start: each slider's first place, from 0; later it is the attribute
    `index`. All grids share one scale of colours, so that a colour means the same number at every
    stop. Raises ValueError for grids and stops that do not fit. Used from lesson 11 on.
    """

    _esm = browser_code("knobs", "heat", "grids")
    _css = Path(__file__).parent / "live.css"

    index = traitlets.Tuple().tag(sync=True)
    _grids = traitlets.List().tag(sync=True)
    _sliders = traitlets.List().tag(sync=True)  # [name, [stops]] for each
    _scale = traitlets.List().tag(sync=True)  # the values of the outermost colours

    def __init__(
        self,
        grids: Sequence[Grid],
        sliders: Mapping[str, Sequence[str]],
        *,
        start: Sequence[int] | None = None,
    ) -> None:
        """Take the grids and send them to the browser."""
        self._all = list(grids)
        if not self._all or not all(isinstance(grid, Grid) for grid in self._all):
            raise ValueError("grids must hold at least one, each made by make_grid.")
        self._stops = {name: checked_stops(name, stops) for name, stops in sliders.items()}
        wanted = math.prod(map(len, self._stops.values()))
        if len(self._all) != wanted:
            counts = " x ".join(str(len(stops)) for stops in self._stops.values()) or "none"
            raise ValueError(
                f"there must be one grid for each combination of the sliders' stops: {wanted} "
                f"({counts}), got {len(self._all)}."
            )
        super().__init__(
            index=tuple(start) if start is not None else (0,) * len(self._stops),
            _grids=[*map(sent_grid, self._all)],
            _sliders=[[visible_title(name), stops] for name, stops in self._stops.items()],
            _scale=list(scale_of(self._all)),
        )

    @traitlets.validate("index")
    def _validate_index(self, proposal: traitlets.Bunch) -> tuple[int, ...]:
        places = proposal.value
        if len(places) != len(self._stops):
            raise ValueError(
                f"index must have one place for each slider, {len(self._stops)}, got {places}."
            )
        pairs = zip(self._stops.items(), places, strict=True)
        return tuple(checked_place(name, place, len(stops)) for (name, stops), place in pairs)

    @property
    def grid(self) -> Grid:
        """The grid now shown."""
        at = 0
        for place, stops in zip(self.index, self._stops.values(), strict=True):
            at = at * len(stops) + place
        return self._all[at]

    def _repr_mimebundle_(self, **kwargs: object) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return one bundle: the live view, and for where it cannot run, a PNG and the text."""
        data, metadata = super()._repr_mimebundle_(**kwargs)
        low, high = self._scale
        still, about = bundle(grid_figure(self.grid, scale=(low, high)), grid_text(self.grid))
        return data | still, metadata | about


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


def shown_labels(labels: Sequence[str]) -> list[list[str]]:
    """Return [short, whole] for each label."""
    return [[visible(text, LABEL_CHARS), visible(text, 1000)] for text in labels]
