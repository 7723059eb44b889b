"""What a page that runs a lesson gets of a still: HTML with the text twin as its name."""

from __future__ import annotations

import base64
import io
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from mygpt_helpers.pictures import base
from tests.pictures.test_settings import LEARNERS, learner, stills


class Images(HTMLParser):
    """The attributes of all images, and whether anything else than those and a style is there."""

    def __init__(self, text):
        super().__init__()
        self.found, self.tags = [], set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        if tag == "img":
            self.found.append(dict(attributes))

    def pixels(self, number):
        data = self.found[number]["src"].removeprefix("data:image/png;base64,")
        return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB"), int)


@pytest.fixture
def page(monkeypatch):
    monkeypatch.setattr(base, "running_cell", lambda: ("a cell", "a run"))


@pytest.mark.parametrize("kind", stills())
def test_a_page_gets_a_light_and_a_dark_form_with_the_text_twin(kind, page):
    data, _ = stills()[kind]._repr_mimebundle_()
    images = Images(data["text/html"])
    assert images.tags == {"style", "img"}
    light, dark = images.found
    assert light["alt"] == dark["alt"] == data["text/plain"]
    assert light["src"].endswith(data["image/png"])
    assert "display: none" in dark["style"] and "display" not in light["style"]
    assert images.pixels(0)[0, 0].tolist() == [255] * 3
    assert images.pixels(1)[0, 0].tolist() == [17] * 3, "JupyterLab's, #111111"
    # Ink on the dark ground, and more of that than of anything bright.
    shares = [(images.pixels(1).max(-1) > level).mean() for level in (200, 60)]
    assert 0.005 < shares[0] <= shares[1] < 0.6


def test_a_name_is_no_markup(page):
    text = "\"><script>x</script> & 'y'\n  two lines"
    still = base.Picture(stills()["show_grid"]._draw, text)
    images = Images(still._repr_mimebundle_()[0]["text/html"])
    assert images.tags == {"style", "img"} and images.found[0]["alt"] == text


@pytest.mark.parametrize("name", LEARNERS)
def test_the_dark_form_is_the_same_under_any_settings(name, page, monkeypatch):
    usual = stills()["show_curves"]._repr_mimebundle_()
    with learner(name, monkeypatch):
        assert stills()["show_curves"]._repr_mimebundle_() == usual


def test_what_has_no_page_gets_no_html():
    # nbval would compare it; and a kernel that a script drives names no cells.
    assert base.running_cell() == ("", "")
    assert set(stills()["show_curves"]._repr_mimebundle_()[0]) == {"image/png", "text/plain"}


def test_no_escape_is_cut_in_two():
    assert base.printable("ab🙂c") == r"ab\u{1f642}c"
    assert [base.printable("ab🙂c", n) for n in (2, 8, 10, 11, 12)] == [
        *["ab"] * 2,
        *["ab"],
        r"ab\u{1f642}",
        r"ab\u{1f642}c",
    ]
