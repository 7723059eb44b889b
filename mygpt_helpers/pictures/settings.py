"""The settings that pictures are drawn under: our own, whatever the learner set. For every lesson.

matplotlib has one set of settings for the whole process, and reads much of it only when it draws.
Inside `own_settings` that set answers with ours, to this thread alone: the learner's settings stay
what they are, also for a figure that another thread draws meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import matplotlib
from matplotlib import RcParams

GROUND, INK = "#111111", "#E0E0E0"  # of a dark page, as JupyterLab has it
_LIGHT = matplotlib.rcParamsDefault.copy()  # what matplotlib ships; no style or file changes it
_DARK = _LIGHT.copy()
_DARK.update({f"{what}.facecolor": GROUND for what in ("figure", "axes")})
_DARK.update({f"{what}.color": INK for what in ("text", "xtick", "ytick")})
_DARK.update({name: INK for name in ("axes.edgecolor", "axes.labelcolor", "patch.edgecolor")})
_OWN: ContextVar[RcParams | None] = ContextVar("own settings", default=None)


class _Settings(RcParams):
    """matplotlib's settings, which are others inside `own_settings`."""

    def __getitem__(self, key: str) -> object:
        own = _OWN.get()
        return super().__getitem__(key) if own is None else own[key]


@contextmanager
def own_settings(*, dark: bool = False) -> Iterator[None]:
    """Let what is made and drawn inside look the same for everybody, on a light or a dark page."""
    # Each time: a learner may have put another set in the place of the first.
    matplotlib.rcParams.__class__ = _Settings
    token = _OWN.set(_DARK if dark else _LIGHT)
    try:
        yield
    finally:
        _OWN.reset(token)
