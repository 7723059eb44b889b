"""Pictures draw any token text as it is, and their text twins say what they show."""

from __future__ import annotations

import base64
import io
import json
import math
import warnings

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from PIL import Image

from mygpt_helpers import Strip, make_grid, show_grid, show_strip
from mygpt_helpers.errors import InputError
from mygpt_helpers.pictures.base import Picture, printable
from mygpt_helpers.pictures.curves import show_curves
from mygpt_helpers.pictures.distributions import distribution_text, show_distribution, summarize
from mygpt_helpers.pictures.tables import visible
from mygpt_helpers.sampling import keep_top_k, next_token_probs
from tests.pictures.test_tables import HOSTILE

CASES = settings(max_examples=25, deadline=None, derandomize=True, database=None)
Z = torch.tensor([1.0, 3.0, 2.0, -1.0])


def displayed(picture: Picture) -> tuple[Image.Image, str]:
    """Draw a picture without a warning; return the PNG and the text twin."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data, metadata = picture._repr_mimebundle_()
    assert set(data) == {"image/png", "text/plain"}
    assert metadata["image/png"]["alt"] == data["text/plain"] == repr(picture)
    # What a kernel does with it; a lone surrogate would not survive.
    json.dumps([data, metadata], ensure_ascii=False).encode("utf-8")
    image = Image.open(io.BytesIO(base64.b64decode(data["image/png"], validate=True)))
    image.load()
    assert image.format == "PNG"
    scale = image.width / metadata["image/png"]["width"]
    assert scale == pytest.approx(image.height / metadata["image/png"]["height"], rel=0.02)
    return image, data["text/plain"]


def show(logits, labels, **options):
    probs = options.pop("probs", None)
    probs = next_token_probs(logits) if probs is None else probs
    return displayed(show_distribution(logits, probs, labels.__getitem__, **options))


def ink(image: Image.Image) -> int:
    """Count the pixels that are not white."""
    return sum(
        count for count, colour in image.convert("RGB").getcolors(2**20) if min(colour) < 250
    )


# ---- distributions -----------------------------------------------------------------------------


def test_the_text_twin_of_a_distribution():
    probs = next_token_probs(Z, top_k=2)
    _, text = show(Z, ["a", "b b", "c", "d"], probs=probs, setting="top_k 2", title="T", num_bars=3)
    assert text.splitlines() == [
        "T, top_k 2",
        '  "b␣b"  0.73  top',
        '  "c"    0.27',
        '  "a"    0.00  cut',
        "2 of 4 tokens kept",
        "not shown: 1 tokens, 0.00 together",
        "entropy 0.58 nats, as unsure as between 1.8 equal choices",
    ]


def test_the_summary_is_what_the_tensors_hold():
    probs = next_token_probs(Z, temperature=2.0)
    d = summarize(Z, probs, str, num_bars=2)
    assert d.labels == ("1", "2")
    assert d.before == pytest.approx(Z.softmax(-1)[[1, 2]].tolist())
    assert d.after == pytest.approx(probs[[1, 2]].tolist())
    assert (d.vocab_size, d.num_kept, d.rest_count) == (4, 4, 2)
    assert d.rest_mass == pytest.approx(float(probs[[0, 3]].sum()))
    assert d.entropy == pytest.approx(float(-(probs * probs.log()).sum()))


@pytest.mark.parametrize("vocab_size", [1, 2, 5, 11, 12, 13, 49_152])
def test_any_number_of_tokens(vocab_size):
    z = torch.linspace(0, 5, vocab_size)
    image, text = show(z, [str(i) for i in range(vocab_size)])
    bars = min(vocab_size, 12)
    assert len([line for line in text.splitlines() if line.startswith('  "')]) == bars
    assert ("not shown" in text) == (vocab_size > 12)
    assert "kept" not in text, "nothing was cut"
    assert ink(image) > 1000


def test_all_mass_on_one_token():
    z = torch.tensor([0.0, 1000.0, -math.inf, 1.0])
    _, text = show(z, list("abcd"))
    assert '"b"  1.00  top' in text and '"c"  0.00  cut' in text
    assert "entropy 0.00 nats, as unsure as between 1.0 equal choices" in text
    assert "-0.00" not in text


def test_of_a_large_number_of_choices_three_digits_are_said():
    z = torch.zeros(4048)
    assert "between 4,050 equal choices" in str(summarize(z, z.softmax(-1), str))


def test_no_bar_hides_an_outline():
    figure = show_distribution(Z, keep_top_k(Z, 1).softmax(-1), str).figure
    bars = figure.axes[0].patches
    outlines = [bar for bar in bars if not bar.get_fill() and not bar.get_hatch()]
    highest = max(bar.zorder for bar in bars if bar.get_fill())
    assert len(outlines) == 4 and min(bar.zorder for bar in outlines) > highest


def test_a_tie_for_the_top_names_both():
    _, text = show(torch.tensor([1.0, 3.0, 3.0]), list("abc"))
    assert [line.split()[0] for line in text.splitlines() if line.endswith("top")] == ['"b"', '"c"']


def test_the_shown_tokens_all_cut():
    # A function of the learner's own may keep only what the model finds unlikely.
    z = torch.arange(20.0)
    probs = torch.zeros(20)
    probs[0] = 1
    _, text = show(z, [str(i) for i in range(20)], probs=probs)
    assert text.count("cut") == 12 and "top" not in text
    assert "not shown: 8 tokens, 1.00 together" in text


def test_half_precision_and_ties_in_order():
    z = torch.zeros(30, dtype=torch.float16)
    _, text = show(z, [f"t{i}" for i in range(30)], probs=next_token_probs(keep_top_k(z, 1)))
    assert [line.split()[0] for line in text.splitlines()[:12]] == [f'"t{i}"' for i in range(12)]


def test_a_picture_shows_what_changes():
    labels = list("abcd")
    plain, _ = show(Z, labels)
    assert plain.tobytes() == show(Z, labels)[0].tobytes(), "drawn twice, the same"
    assert (
        plain.tobytes() != show(Z, labels, probs=next_token_probs(Z, temperature=0.5))[0].tobytes()
    )
    assert plain.tobytes() != show(Z, list("abxd"))[0].tobytes()


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_any_token_text_is_drawn_as_it_is(text):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _, twin = show(Z, [text, "b", text[::-1], "d"], title=text, setting="top_k 4")
    assert f'"{visible(text, 24)}"' in twin
    assert len(twin.splitlines()) == 6, "a title, four tokens, one line below"
    if text == visible(text).replace("␣", " ") and len(text) < 90:
        assert twin.startswith(f"{text}, top_k 4" if text else "top_k 4")


@CASES
@given(st.lists(st.text(max_size=30), min_size=4, max_size=4))
def test_any_unicode_is_drawn(labels):
    _, twin = show(Z, labels, title=labels[0])
    for label in labels:
        assert f'"{visible(label, 24)}"' in twin


@pytest.mark.parametrize("weight", ["normal", "bold"])
def test_printable_leaves_only_what_the_font_has(weight):
    has = get_font(findfont(FontProperties(family="DejaVu Sans", weight=weight))).get_charmap()
    missing = [chr(c) for c in range(32, 0x20000) if c not in has and printable(chr(c)) == chr(c)]
    assert not missing, f"{len(missing)} characters, such as {missing[:5]!r}"
    assert printable("é π ≤ ▲ ␣ ✕ ש") == "é π ≤ ▲ ␣ ✕ ש"
    assert printable("🍺\n") == "\\u{1f37a}\\u{a}"


def test_no_global_state_of_matplotlib_is_used():
    import matplotlib.pyplot as plt

    before = plt.get_fignums()
    show(Z, list("abcd"))
    assert plt.get_fignums() == before


def test_a_picture_serves_other_floors():
    image, text = displayed(Picture(Figure(figsize=(2, 1)), "nothing"))
    assert text == "nothing" and image.width > 100


def test_digits():
    d = summarize(Z, next_token_probs(Z), str)
    assert '"1"  0.6572' in distribution_text(d, 4)


@pytest.mark.parametrize(
    ("logits", "probs", "num_bars", "said"),
    [
        (Z, Z, 12, "probs must be 0 or more and sum to 1"),
        (Z, Z.softmax(-1)[:3], 12, r"shape \(V,\), got shape \(4,\) and shape \(3,\)"),
        (Z[None], Z[None].softmax(-1), 12, r"got shape \(1, 4\) and shape \(1, 4\)"),
        ([1.0], [1.0], 12, "got list and list"),
        (Z, Z.softmax(-1), 0, "num_bars must be a whole number from 1, got 0"),
    ],
)
def test_what_is_no_distribution_is_refused(logits, probs, num_bars, said):
    with pytest.raises(InputError, match=said):
        show_distribution(logits, probs, str, num_bars=num_bars)


# ---- curves ------------------------------------------------------------------------------------


def test_the_text_twin_of_curves():
    picture = show_curves(
        [0.01, 1, 100],
        {"up": [0, 1, 2], "down it goes": [2, 1, 0.5]},
        x_label="τ",
        y_label="entropy (nats)",
        title="Curves",
        log_x=True,
        marks={"here": 1.0},
        digits=1,
    )
    _, text = displayed(picture)
    assert text.splitlines() == [
        "Curves",
        "entropy (nats) over τ",
        "  up: 0.01: 0.0, 1: 1.0, 100: 2.0",
        "  down it goes: 0.01: 2.0, 1: 1.0, 100: 0.5",
        "  marked: here at 1",
    ]


@pytest.mark.parametrize("points", [1, 2, 7, 8, 500])
def test_curves_of_any_length_name_their_ends(points):
    x = list(range(points))
    _, text = displayed(show_curves(x, {"y": x}, x_label="x", y_label="y"))
    line = text.splitlines()[-1]
    assert line.startswith("  y: 0: 0.00") and line.endswith(f"{x[-1]}: {x[-1]:.2f}")
    assert line.count(": ") <= 8


@pytest.mark.parametrize("name", HOSTILE)
def test_any_text_on_curves(name):
    text = HOSTILE[name]
    picture = show_curves(
        [0, 1],
        {text: [0, 1], "b": [1, 0]},
        x_label=text[:4],
        y_label=text[:4],
        title=text,
        marks={text: 0.5},
    )
    _, twin = displayed(picture)
    assert len(twin.splitlines()) == (5 if text else 4)


@pytest.mark.parametrize("name", ["_", "_x", "__"])
def test_a_name_that_begins_with_an_underscore_is_in_the_legend(name):
    picture = show_curves([0, 1], {name: [0, 1], "b": [1, 0]}, x_label="x", y_label="y")
    displayed(picture)
    assert [t.get_text() for t in picture.figure.axes[0].get_legend().get_texts()] == [name, "b"]


def test_a_curve_of_another_length():
    with pytest.raises(InputError, match="curve 'y' has 3 points, x has 2"):
        show_curves([0, 1], {"y": [1, 2, 3]}, x_label="x", y_label="y")


def test_names_that_look_the_same_are_all_shown():
    long = "the loss of a model that was trained for "
    curves = {f"{long}{steps} steps": [0, steps] for steps in (1, 2)}
    picture = show_curves(
        [0, 1], curves, x_label="x", y_label="y", marks={"a": 0.25}, levels={"a": 0.5}
    )
    _, text = displayed(picture)
    assert text.count("the loss") == 2
    assert "marked: a at 0.25" in text and "marked: a at 0.5" in text
    axes = picture.figure.axes[0]
    assert len(axes.lines) == 4 and len(axes.get_legend().get_texts()) == 2


def test_curves_without_points():
    with pytest.raises(InputError, match="at least one point"):
        show_curves([], {"y": []}, x_label="x", y_label="y")


def test_a_logarithmic_y_axis_is_labelled_in_plain_numbers():
    losses = [1.6 * math.exp(-i / 40) for i in range(200)]
    picture = show_curves(
        range(1, 201), {"loss": losses}, x_label="step", y_label="loss", log_y=True
    )
    displayed(picture)
    axes = picture.figure.axes[0]
    assert axes.get_yscale() == "log" and axes.get_xscale() == "linear"
    low, high = axes.get_ylim()
    ticks = zip(axes.get_yticks(), axes.get_yticklabels(), strict=True)
    assert [t.get_text() for at, t in ticks if low <= at <= high] == [
        "0.01",
        "0.02",
        "0.05",
        "0.1",
        "0.2",
        "0.5",
        "1",
        "2",
    ]


def test_a_log_axis_over_many_decades_is_not_crowded():
    picture = show_curves([1, 2], {"y": [1e-6, 3]}, x_label="x", y_label="y", log_y=True)
    displayed(picture)
    low, high = picture.figure.axes[0].get_ylim()
    assert len([at for at in picture.figure.axes[0].get_yticks() if low <= at <= high]) <= 12


def test_what_a_picture_is_made_from_prints_as_the_picture_does():
    probs = Z.softmax(dim=-1)
    assert str(summarize(Z, probs, str)) == repr(show_distribution(Z, probs, str))
    assert str(make_grid([[1]], ["r"], ["c"])) == repr(show_grid([[1]], ["r"], ["c"]))
    assert str(Strip("", ["a", "b"], (None, True))) == repr(show_strip(["a", "b"], [None, True]))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_logits_and_probabilities_may_ask_for_gradients(dtype):
    logits = Z.to(dtype).requires_grad_()
    probs = logits.float().softmax(dim=-1)
    assert repr(show_distribution(logits, probs, str)) == repr(
        show_distribution(Z, Z.softmax(dim=-1), str)
    )
