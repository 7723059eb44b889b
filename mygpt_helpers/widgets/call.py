"""A call put together by sliders: its code, what it says and what it writes. Used in lesson 08."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import traitlets

from ..checks import checked_count, checked_text, is_many, kind_of
from ..clinic import Attempt, attempt
from ..errors import InputError
from ..pictures.tables import visible_title
from .base import LivePicture, Shown, Slider, browser_code

TITLE = "A call, and what comes of it"
LEFT_OUT = "left out"
WAITS = ["press run", ""]
MOST_TOLD = 5


class CallWidget(LivePicture):
    """Sliders for the settings of a call; its code, and after a press what it warns of and writes.

    call: called with the chosen settings as keyword arguments, returns a text. settings: {name:
    values}; the first stop of each slider leaves the setting out. code: how the call is written;
    the settings are put into its last brackets. start: {name: value}, the settings of the first
    run. What the call raises is an answer, too. `chosen` is an attribute: a place for each slider.
    Raises ValueError for what does not fit. Used from lesson 08 on.
    """

    _esm = browser_code("call")
    question = ("asked",)

    chosen = traitlets.TraitType(()).tag(sync=True)
    asked = traitlets.Unicode().tag(sync=True)  # a number, and the places to run: "3 0,2,1"

    def __init__(
        self,
        call: Callable[..., str],
        settings: Mapping[str, Sequence[Any]],
        *,
        code: str = "model.generate(**inputs)",
        start: Mapping[str, Any] | None = None,
    ) -> None:
        """Make the first call."""
        if not callable(call):
            raise InputError(f"call must be a function of the settings, got {kind_of(call)}.")
        named = isinstance(settings, Mapping) and all(isinstance(name, str) for name in settings)
        if not named or not all(map(is_many, settings.values())):
            raise InputError(f"settings must be a dict, name -> values, got {settings!r:.80}.")
        if not checked_text("code", code).endswith(")"):
            raise InputError(f"code must be a call and end with its bracket, got {code!r:.80}.")
        self._call = call
        self._values = {name: list(values) for name, values in settings.items()}
        head = visible_title(code[:-1], None) + ("" if code[-2:-1] == "(" else ", ")
        pairs = self._values.items()
        texts = [[visible_title(f"{name}={v!r}", 60) for v in values] for name, values in pairs]
        self._parts = {"head": head, "settings": texts}
        places = self._places(start or {})
        sliders = [
            Slider(name, "chosen", [LEFT_OUT, *map(repr, values)], item=i)
            for i, (name, values) in enumerate(self._values.items())
        ]
        data = {"title": TITLE, "waits": WAITS, **self._parts}
        asked = f"0 {','.join(map(str, places))}"
        super().__init__(label=TITLE, data=data, sliders=sliders, chosen=places, asked=asked)

    def _places(self, start: Mapping[str, Any]) -> tuple[int, ...]:
        """Return the slider's place of each setting; 0 is left out."""
        for name, value in start.items():
            if value not in self._values.get(name, []):
                raise InputError(f"start has {name}={value!r}, which no slider of settings has.")
        names = self._values.items()
        return tuple(1 + vs.index(start[n]) if n in start else 0 for n, vs in names)

    @traitlets.validate("chosen")
    def _validate_chosen(self, proposal: traitlets.Bunch) -> tuple[int, ...]:
        places = tuple(proposal.value) if is_many(proposal.value) else ()
        if len(places) != len(self._values):
            raise InputError(f"chosen must have {len(self._values)} places, got {places!r:.80}.")
        pairs = zip(self._values.items(), places, strict=True)
        return tuple(checked_count(n, p, first=0, last=len(vs)) for (n, vs), p in pairs)

    def code(self, places: Sequence[int]) -> str:
        """Return the call as it is written, for a place of each slider."""
        pairs = zip(self._parts["settings"], places, strict=True)
        given = [texts[place - 1] for texts, place in pairs if place]
        head = self._parts["head"]
        return f"{head}{', '.join(given)})" if given else f"{head.removesuffix(', ')})"

    def answer(self, asked: str) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Make the call; see LivePicture."""
        given = [int(part) for part in asked.partition(" ")[2].split(",") if part.isdecimal()]
        places = self._validate_chosen(traitlets.Bunch(value=given))
        chosen = zip(self._values.items(), places, strict=True)
        settings = {name: values[place - 1] for (name, values), place in chosen if place}
        rows = _rows(attempt(self._call, **settings))
        return (places, rows), {"rows": rows, "places": places}

    def shown(self) -> Shown:
        """Return the call that is chosen now, and what came of it if it was the last one."""
        places, came = self._good or ((), [])
        rows = [["call", self.code(self.chosen)], *(came if places == self.chosen else [WAITS])]
        wide = max(len(name) for name, _ in rows)
        lines = [f"  {name:{wide}}  {text}" for name, text in rows]
        return Shown("\n".join([TITLE, *lines]), None, {"title": TITLE, "rows": rows})


def _rows(came: Attempt) -> list[list[str]]:
    """Return what a call said and wrote, a row for each."""
    rows = [[sign, visible_title(text, 600)] for sign, text in came.told[-MOST_TOLD:]]
    if came.error is None:
        quiet = [] if rows else [["said", "no error, no warning"]]
        rows = [*quiet, *rows, ["text", visible_title(str(came.returned), 2000)]]
    return rows
