"""Pictures look the same whatever a learner has set, and change nothing of it."""

from __future__ import annotations

import math
import threading
import warnings
from contextlib import contextmanager

import matplotlib
import matplotlib.pyplot as plt
import pytest
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

import mygpt_helpers
from mygpt_helpers import (
    GPT,
    beam_search,
    show_curves,
    show_distribution,
    show_grid,
    show_strip,
    show_tree,
)
from mygpt_helpers.pictures.base import Picture, bundle
from mygpt_helpers.pictures.settings import own_settings

# What would show in any picture that read it; without LaTeX, usetex fails.
LEARNERS = {
    "dark_background": plt.style.library["dark_background"],
    "usetex": {"text.usetex": True},
    "xkcd": {"path.sketch": (1, 100, 2), "font.family": ["xkcd", "Humor Sans"]},
    "fonts": {"font.sans-serif": ["SimHei"], "font.size": 30, "axes.titlesize": 40},
    "the rest": plt.style.library["ggplot"]
    | {
        "figure.autolayout": True,
        "figure.constrained_layout.h_pad": 1.0,
        "figure.dpi": 30,
        "figure.figsize": (1, 1),
        "axes.prop_cycle": plt.cycler(color=["red"]),
        "axes.xmargin": 0.4,
        "axes.unicode_minus": False,
        "axes.formatter.use_locale": True,
        "axes.spines.left": False,
        "text.parse_math": False,
        "text.antialiased": False,
        "lines.antialiased": False,
        "lines.dash_capstyle": "round",
        "hatch.linewidth": 5,
        "xtick.bottom": False,
        "image.origin": "lower",
        "image.interpolation": "bilinear",
        "legend.loc": "upper left",
        "savefig.transparent": True,
        "svg.fonttype": "none",
    },
}


@contextmanager
def learner(name, monkeypatch):
    """Set matplotlib as a learner has, on a machine without LaTeX; warnings are errors."""
    monkeypatch.setenv("PATH", "")
    with matplotlib.rc_context(LEARNERS[name]):
        before = dict(matplotlib.rcParams)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            yield
        assert dict(matplotlib.rcParams) == before


FOUND = beam_search(
    GPT(3, 4, 1, 1), torch.tensor([[0]]), 2, 2
)  # one for all: its weights are drawn


def stills():
    """Return one picture of each kind, by the function that shows it."""
    z, words = torch.tensor([3.0, 1.0, 0.0]), ["a", "b\nc", "$x$"]
    about = {"title": "title", "facts": "facts"}
    return {
        "show_distribution": show_distribution(z, torch.tensor([0.7, 0.3, 0]), words.__getitem__),
        "show_curves": show_curves(
            [1, 10], {"up": [-1, 10], "down": [9, 0.5]}, x_label="x", y_label="y", levels={"l": 4}
        ),
        "show_grid": show_grid([[0.5, -1], [2, math.nan]], words[:2], words[1:], **about),
        "show_strip": show_strip(words, [None, True, False], **about),
        "show_tree": show_tree(FOUND, words),
    }


def png_of(picture):
    return picture._repr_mimebundle_()[0]["image/png"]


@pytest.mark.parametrize("name", LEARNERS)
def test_a_still_is_the_same_under_any_settings(name, monkeypatch, caplog):
    usual = {kind: png_of(picture) for kind, picture in stills().items()}
    with learner(name, monkeypatch):
        assert {kind: png_of(picture) for kind, picture in stills().items()} == usual
    assert caplog.messages == []


def test_these_are_all_stills():
    assert set(stills()) == {name for name in mygpt_helpers.__all__ if name.startswith("show_")}


def test_what_a_learner_draws_is_the_same_after_a_still():
    def own():
        figure = Figure(figsize=(2, 1))
        figure.add_subplot().plot([1, 2], label="$x^2$")
        figure.legend()
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        return bytes(canvas.buffer_rgba())

    with matplotlib.rc_context({"lines.linewidth": 5, "font.size": 20}):
        before = own()
        png_of(stills()["show_grid"])
        assert own() == before
    assert own() != before


def test_defaults_that_were_changed_and_settings_that_were_replaced(monkeypatch):
    monkeypatch.setitem(matplotlib.rcParamsDefault, "font.size", 30)
    other = matplotlib.rcParams.copy()
    other["font.size"] = 20
    monkeypatch.setattr(matplotlib, "rcParams", other)
    with own_settings():
        assert matplotlib.rcParams["font.size"] == 10
    assert matplotlib.rcParams["font.size"] == 20


def test_other_threads_keep_their_settings():
    seen = []

    def beside():
        seen.append(matplotlib.rcParams["font.size"])
        matplotlib.rcParams["font.size"] = 40
        seen.append(matplotlib.rcParams["font.size"])

    with matplotlib.rc_context({"font.size": 30}):
        with own_settings():
            thread = threading.Thread(target=beside)
            thread.start()
            thread.join()
            with own_settings(dark=True):
                assert matplotlib.rcParams["text.color"] != "black"
            assert matplotlib.rcParams["font.size"] == 10
            assert matplotlib.rcParams["text.color"] == "black"
        assert seen == [30, 40] and matplotlib.rcParams["font.size"] == 40


@pytest.mark.parametrize("figure", [lambda: 1 / 0, lambda: None, Figure(figsize=(0.001, 0.001))])
def test_a_still_that_fails_leaves_the_text(figure, monkeypatch):
    monkeypatch.setattr("mygpt_helpers.pictures.base.running_cell", lambda: ("cell", "run"))
    assert Picture(figure, "what it says")._repr_mimebundle_() == (
        {"text/plain": "what it says"},
        {},
    )
    assert bundle(lambda: 1 / 0, "text") == ({"text/plain": "text"}, {})


def test_lists_that_grow_later_do_not_change_a_picture():
    x, losses = [1, 2], [2.0, 1.0]
    about = {"x_label": "step", "y_label": "loss"}
    picture, same = (show_curves(x, {"loss": losses}, **about) for _ in range(2))
    before = png_of(same)
    losses.append(0.5)
    assert png_of(picture) == before
