"""Live strips without a browser."""

from __future__ import annotations

import pytest

from mygpt_helpers import Strip, StripsWidget
from mygpt_helpers.pictures.strips import strip_text
from tests.widgets.wire import from_browser, twin_of

WORDS = ["I", "love", "some", "beer"]


def strips(*lengths):
    return [
        Strip(f"{n} tokens", tuple(WORDS[i % 4] for i in range(n)), tuple(i < 5 for i in range(n)))
        for n in lengths
    ]


def test_strips_show_as_much_as_the_slider_says():
    made = strips(4, 20)
    widget = StripsWidget(made, iter(["8", "16"]), start=1)  # read once, so any iterable will do
    assert (widget.strip, widget.length) == (1, 20)
    assert twin_of(widget) == strip_text(made[1])
    from_browser(widget, length=5)
    assert twin_of(widget) == strip_text(made[1], length=5)
    assert "all right" in twin_of(widget).splitlines()[1]
    from_browser(widget, strip=0, length=20)  # longer than this strip: all of it
    assert twin_of(widget) == strip_text(made[0])


@pytest.mark.parametrize(
    ("made", "stops", "options", "says"),
    [
        ([], [], {}, "at least one"),
        (["I love"], ["1"], {}, "each a Strip"),
        (3, ["1"], {}, "each a Strip"),
        (strips(4, 5), ["1"], {}, "stops must have 2 texts.* got 1"),
        (strips(4), "1", {}, "list of strings"),
        (strips(4), ["1"], {"start": 1}, "strip must be a whole number from 0 to 0, got 1"),
        (strips(4), ["1"], {"length": 0}, "length must be a whole number from 1 to 4, got 0"),
        (strips(4), ["1"], {"length": 5}, "got 5"),
    ],
)
def test_strips_and_stops_that_do_not_fit_are_refused(made, stops, options, says):
    with pytest.raises(ValueError, match=says):
        StripsWidget(made, stops, **options)
