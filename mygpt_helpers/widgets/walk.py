"""A token's walk through a small model, number by number. First used in lesson 10."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
import traitlets
from torch import Tensor

from ..checks import checked_texts, shape_of
from ..errors import InputError
from ..pictures.number_rows import (
    PALE,
    PER_ROW,
    STRONGEST,
    NumberRow,
    number_rows,
    rows_figure,
    rows_lines,
)
from ..pictures.tables import visible_title
from ..walks import MAX_TOKENS, MAX_WIDTH, SCORES, WEIGHTS, Part
from .base import LivePicture, Place, Shown, Slider, browser_code, shown_labels
from .inputs import checked_parts

Rows = list[tuple[str, Tensor, str, Sequence[str]]]  # label, numbers (T, n), kind, names


class WalkWidget(LivePicture):
    """The numbers of one position after one part of a model, before it, and inside it.

    parts: what walk returned. tokens: the T texts. part, position: where the two sliders start,
    from 0, and attributes; None: the last position. vocab: the V texts of the vocabulary, by
    default the ids. opened: whether the steps inside the part are shown; an attribute, too. Raises
    ValueError for what does not fit together, and for places that are not there. Used in lesson 10.
    """

    _esm = browser_code("heat", "walk")

    part = Place().tag(sync=True)
    position = Place().tag(sync=True)
    opened = traitlets.Bool(False).tag(sync=True)

    def __init__(
        self,
        parts: Sequence[Part],
        tokens: Sequence[str],
        *,
        part: int = 0,
        position: int | None = None,
        vocab: Sequence[str] | None = None,
        opened: bool = False,
    ) -> None:
        """Send all numbers; the browser shows those of one place."""
        self._tokens = checked_texts("tokens", tokens)
        self._parts = _checked(parts, len(self._tokens))
        self._vocab = _checked_vocab(vocab, self._parts)
        data = {"parts": [self._sent(i) for i in range(len(self._parts))]}
        data |= {"per_row": PER_ROW, "most": STRONGEST, "pale": PALE}
        places = [f"{i}:{token}" for i, token in enumerate(self._tokens)]
        sliders = [
            Slider("part", "part", [p.name for p in self._parts]),
            Slider("position", "position", places),
        ]
        position = len(places) - 1 if position is None else position
        state = {"part": part, "position": position, "opened": opened}
        super().__init__(label="A walk through the model", data=data, sliders=sliders, **state)

    def _rows(self, index: int) -> tuple[Rows, Rows]:
        """Return the rows of a part, those always shown and those inside."""
        part = self._parts[index]
        scores, T = part.name in SCORES, len(self._tokens)
        kind = "share" if part.name == SCORES[1] else "signed"
        names = self._vocab if scores else ()
        shown: Rows = [(part.name, part.after, kind, names)]
        before = self._parts[index - 1] if index else None
        if before and before.after.shape == part.after.shape:
            over = names if before.name in SCORES else ()
            shown = [
                (before.name, before.after, "before", over),
                (part.name, part.after, kind, () if over else names),
            ]
        inside: Rows = []
        for label, numbers in part.inside.items():
            if label.endswith(WEIGHTS) and numbers.shape[1] == T:
                later = torch.ones_like(numbers, dtype=torch.bool).triu(diagonal=1)
                numbers = numbers.masked_fill(later & (numbers == 0), math.nan)  # (T, T)
                inside.append((label, numbers, "share", self._tokens))
            else:
                inside.append((label, numbers, "signed", ()))
        return shown, inside

    def _sent(self, index: int) -> dict[str, Any]:
        """Return what the browser shows of a part: rows, and their numbers one after another."""
        part, (shown, inside) = self._parts[index], self._rows(index)
        rows = [
            {
                "label": visible_title(label, 40),
                "count": numbers.shape[1],
                "kind": kind,
                "names": shown_labels(names),
                "inside": place >= len(shown),
            }
            for place, (label, numbers, kind, names) in enumerate(shown + inside)
        ]
        together = torch.cat([numbers for _, numbers, *_ in shown + inside], dim=1)  # (T, all)
        name, formula = visible_title(part.name), visible_title(part.formula, 200)
        values = together.numpy().astype("<f4").tobytes()
        return {"name": name, "formula": formula, "rows": rows, "values": values}

    def shown(self) -> Shown:
        """Return what is shown of the part, at the position."""
        shown, inside = (
            [row for given in rows for row in self._at_position(*given)]
            for rows in self._rows(self.part)
        )
        sent = self._data["parts"][self.part]
        title, formula = f"{sent['name']}, at position {self.position}", sent["formula"]
        on_page = shown + inside if self.opened else shown
        lines = rows_lines(shown + inside)
        lines[len(shown) :] = ["inside:", *lines[len(shown) :]] if inside else []
        page = {"title": title, "facts": formula}
        page["rows"] = [[row.label, *row.cells] for row in on_page]
        text = "\n".join([title, formula, *lines])
        return Shown(text, lambda: rows_figure(title, formula, on_page), page)

    def _at_position(
        self, label: str, numbers: Tensor, kind: str, names: Sequence[str]
    ) -> list[NumberRow]:
        return number_rows(visible_title(label, 40), numbers[self.position].tolist(), kind, names)


def _checked(parts: Sequence[Part], T: int) -> list[Part]:
    """Return the parts with float32 numbers on the CPU, or raise ValueError."""
    if not 1 <= T <= MAX_TOKENS:
        raise InputError(f"tokens must be 1 to {MAX_TOKENS} texts, got {T}.")
    made = []
    for part in checked_parts("parts", parts, Part, "made by walk"):
        for label, numbers in {part.name: part.after, **part.inside}.items():
            is_table = isinstance(numbers, Tensor) and numbers.ndim == 2
            if not is_table or len(numbers) != T or not 1 <= numbers.shape[1] <= MAX_WIDTH:
                raise InputError(
                    f"{label} must have shape ({T}, n), a row for each of the {T} tokens, n from 1 "
                    f"to {MAX_WIDTH}; got {shape_of(numbers)}."
                )
        inside = {label: numbers.detach().cpu().float() for label, numbers in part.inside.items()}
        made.append(Part(part.name, part.formula, part.after.detach().cpu().float(), inside))
    return made


def _checked_vocab(vocab: Sequence[str] | None, parts: list[Part]) -> tuple[str, ...]:
    """Return the vocabulary's texts, by default the ids, or raise ValueError."""
    sizes = {part.after.shape[1] for part in parts if part.name in SCORES}
    size = max(sizes, default=0)
    if vocab is None:
        return tuple(map(str, range(size)))
    texts = checked_texts("vocab", vocab)
    if sizes and sizes != {len(texts)}:
        raise InputError(f"vocab must be {size} texts, one for each logit; got {len(texts)}.")
    return texts
