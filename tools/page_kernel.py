"""What a page keeps of a lesson's live pictures; asked in the lesson's kernel, once it has run.

A page has no kernel. So each picture gives its state, its stills, its answers to its sliders'
questions where these are few, and, for the tests, what it says at some places of its sliders.
"""

from __future__ import annotations

import itertools
import json
import math
from base64 import b64encode
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from anywidget import AnyWidget
from ipywidgets.widgets.widget import _instances, _remove_buffers

from mygpt_helpers.pictures.base import bundle
from mygpt_helpers.widgets.base import LivePicture

MOST_ANSWERS = 200  # the stops of two or three sliders
NO_PART_OF_IT = {*AnyWidget.class_trait_names(), "_esm", "_css", "_anywidget_id"}


def keep(path: str) -> None:
    """Write what the pages need of every live picture: {model id: what `_kept` returns}."""
    pictures = {
        name: _kept(widget)
        for name, widget in [*_instances.items()]
        if isinstance(widget, LivePicture)
    }
    Path(path).write_text(json.dumps(pictures), encoding="utf-8")


def _kept(picture: LivePicture) -> dict[str, Any]:
    text, draw, _ = picture.shown()
    text = picture._answer.get("error") or text
    stills = [bundle(draw, text, dark=dark) for dark in (False, True)] if draw else []
    names = [name for name in picture.keys if name not in NO_PART_OF_IT]
    state = {name: getattr(picture, name) for name in names}
    with _as_it_was(picture):
        answers = _answers(picture)
    with _as_it_was(picture):
        moves = [*_moves(picture, answered=bool(answers))]
    return {
        "module": picture._esm,
        "live": _plain({"state": state, "answers": answers}),
        "text": text,
        "stills": [data["image/png"] for data, _ in stills if "image/png" in data],
        "size": next((about["image/png"] for _, about in stills if about), {}),
        "moves": moves,
    }


def _plain(live: dict[str, Any]) -> dict[str, Any]:
    """Return what JSON can say; bytes stand in `buffers`, each with its path."""
    live, paths, buffers = _remove_buffers(live)
    kept = [[path, b64encode(b).decode()] for path, b in zip(paths, buffers, strict=True)]
    return {**live, "buffers": kept}


@contextmanager
def _as_it_was(picture: LivePicture) -> Iterator[None]:
    """Set a picture back to where it stood."""
    moved = {slider["trait"] for slider in picture._sliders} | {"u"}
    before = {name: getattr(picture, name) for name in moved if picture.has_trait(name)}
    yield
    for name, value in before.items():
        setattr(picture, name, value)


def _at(picture: LivePicture, slider: dict[str, Any]) -> float:
    """Return where a slider stands."""
    value = getattr(picture, slider["trait"])
    return value if slider["item"] is None else value[slider["item"]]


def _answers(picture: LivePicture) -> list[dict[str, Any]]:
    """Return Python's answers at the places of the sliders that it is asked about, if few.

    That is at all of them, or where those are many, at those that one slider reaches alone.
    """
    sliders = {s["trait"]: s for s in picture._sliders if s["item"] is None}
    if not picture.question or not sliders.keys() >= {*picture.question}:
        return []
    # A slider may have been set between two stops.
    stops = [
        sorted({*sliders[name]["stops"], _at(picture, sliders[name])}) for name in picture.question
    ]
    start = [getattr(picture, name) for name in picture.question]
    asked: Iterable[tuple[float, ...]] = itertools.product(*stops)
    if math.prod(map(len, stops)) > MOST_ANSWERS:
        alone = enumerate(stops)
        asked = {(*start[:i], stop, *start[i + 1 :]) for i, own in alone for stop in own}
        if len(asked) > MOST_ANSWERS:
            return []
    answers = []
    for places in asked:
        for name, place in zip(picture.question, places, strict=True):
            setattr(picture, name, place)
        answers.append(picture._answer)
    return answers


def _moves(picture: LivePicture, *, answered: bool) -> Iterator[dict[str, Any]]:
    """Move each slider; give its place and what the page must say then. What needs Python stays."""
    stops = [{*slider["stops"], _at(picture, slider)} for slider in picture._sliders]
    for index, slider in enumerate(picture._sliders):
        trait, item = slider["trait"], slider["item"]
        if trait in picture.question and not answered:
            continue
        own = sorted(stops[index])
        start = own.index(_at(picture, slider))
        places = [len(own) // 4, 3 * len(own) // 4]
        for place in [*places, start] if answered else places:  # back: see _answers
            stop = own[place]
            value = getattr(picture, trait)
            value = stop if item is None else (*value[:item], stop, *value[item + 1 :])
            setattr(picture, trait, value)
            if trait == "seed" and "firsts" in picture._data:  # draw.js: a seed is replayed
                picture.u = picture._data["firsts"][picture.seed]
            for known, moved in zip(stops, picture._sliders, strict=True):
                known.add(_at(picture, moved))  # parts.js: where a slider was set is a stop
            yield {"slider": index, "place": place, "says": picture.numbers()}
