"""The pictures of the key-value cache, without a browser; counted on models of transformers."""

from __future__ import annotations

import pytest
import torch

from mygpt_helpers import CacheCalculatorWidget, CacheWidget
from mygpt_helpers.widgets.cache import MOST
from mygpt_helpers.widgets.cache_calculator import PRESETS, size_text
from tests.tiny import ARCHITECTURES, make_model, make_tokenizer
from tests.widgets.wire import from_browser, twin_of

TOKENS = ["I", " love", " some", " beer", " and", " pubs"]
SMALL = {"num_layers": 2, "num_kv_heads": 3, "head_dim": 4}


@pytest.fixture(scope="module", params=ARCHITECTURES)
def model(request):
    return make_model(request.param, make_tokenizer(request.param)).requires_grad_(False)


def nbytes(cache):
    return sum(layer.keys.nbytes + layer.values.nbytes for layer in cache.layers)


def shape_of(cache):
    _, heads, _, width = cache.layers[0].keys.shape
    return len(cache.layers), heads, width


def counted(model, loop):
    """Return how many positions go through the model in each pass of a loop."""
    passes = []
    hook = model.get_input_embeddings().register_forward_hook(
        lambda layer, args, output: passes.append(args[0].shape[1])
    )
    loop()
    hook.remove()
    return passes


def test_the_calculator_says_what_a_models_cache_takes(model):
    for length, batch in ((1, 1), (8, 3), (64, 2)):
        cache = model(torch.ones(batch, length, dtype=torch.long)).past_key_values
        widget = CacheCalculatorWidget(*shape_of(cache), length=length, batch_size=batch)
        assert f" = {nbytes(cache):,} bytes" in twin_of(widget)
        half = CacheCalculatorWidget(
            *shape_of(cache), bits_per_number=16, length=length, batch_size=batch
        )
        assert f" = {nbytes(cache) // 2:,} bytes" in str(half)


def test_the_cache_holds_and_frees_what_a_models_cache_does(model):
    ids = torch.arange(6)[None]
    cache = model(ids).past_key_values
    about = dict(zip(SMALL, shape_of(cache), strict=True))
    widget = CacheWidget(TOKENS, 4, **about)
    assert f"layers, {size_text(nbytes(cache))}." in twin_of(widget)
    before = nbytes(cache)
    cache.crop(-2)
    from_browser(widget, keep=4)
    said = str(widget)
    assert f"layers, {size_text(nbytes(cache))}." in said
    assert f"Freed: {size_text(before - nbytes(cache))}." in said


def test_both_pictures_count_the_work_as_models_do_it(model):
    ids, given = torch.arange(6)[None], 4

    def with_it():
        cache = model(ids[:, :given], use_cache=True).past_key_values
        for place in range(given, 6):
            model(ids[:, place : place + 1], past_key_values=cache)

    def without():
        for length in range(given, 7):
            model(ids[:, :length], use_cache=False)

    passes = [counted(model, with_it), counted(model, without)]
    for step in (1, 2, 3):
        rows = CacheWidget(TOKENS, given, step=step, **SMALL).numbers()["rows"]
        assert rows[-2][2:] == [each[step - 1] for each in passes]
        assert rows[-1][2:] == [sum(each[:step]) for each in passes]
        computed = sum(row[2] == "◆ computed" for row in rows[:-2])
        assert computed == passes[0][step - 1] and len(rows) - 2 == passes[1][step - 1]
    given = 1
    passes = [counted(model, with_it), counted(model, without)]
    work = CacheCalculatorWidget(length=6).numbers()["rows"]
    assert work[0][1:] == [each[-1] for each in passes]
    assert work[1][1:] == [sum(each) for each in passes]


def test_layer_by_layer():
    widget = CacheWidget(TOKENS, 4, step=2, layer=1, **SMALL)
    layers = [row[1] for row in widget.numbers()["rows"][:-2]]
    assert layers == [2, 2, 2, 2, 1]
    each = 2 * 3 * 4 * 4
    assert f"All bars together: 9 layers, {size_text(9 * each)}." in twin_of(widget)
    from_browser(widget, step=1, layer=0)
    assert "layers, 0 bytes." in str(widget) and "reads the prompt" in str(widget)
    assert {tuple(row[2:]) for row in widget.numbers()["rows"][:-2]} == {("· not yet",) * 2}


def test_what_is_freed_is_held_in_no_layer():
    rows = CacheWidget(TOKENS, 4, keep=5, **SMALL).numbers()["rows"][:-2]
    assert [row[1] for row in rows] == [2, 2, 2, 2, 2, "–"] and rows[-1][2] == "✕ freed"


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.name)
def test_a_preset_is_named_with_its_source(preset):
    said = str(CacheCalculatorWidget(*preset[1:4], bits_per_number=16, length=4096))
    assert said.startswith(f"{preset.name}: ") and preset.source in said
    assert len({other[1:4] for other in PRESETS}) == len(PRESETS)


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.name)
def test_a_length_beyond_a_models_context_is_told(preset):
    for length, is_beyond in ((preset.context, False), (preset.context + 1, True)):
        said = twin_of(CacheCalculatorWidget(*preset[1:4], length=length))
        assert f"{preset.name} reads up to {preset.context:,} tokens." in said
        assert ("The length is beyond that." in said) == is_beyond


def test_the_models_that_everybody_compares():
    sizes = {p.name: str(CacheCalculatorWidget(*p[1:4])).split("\n")[0] for p in PRESETS}
    assert sizes["SmolLM2-135M"].endswith(": 377.5 MB")
    assert sizes["GPT-2 small"].endswith(": 604.0 MB")
    assert sizes["Llama-2-7B"].endswith(": 8.6 GB") and sizes["Llama-3-8B"].endswith(": 2.1 GB")


@pytest.mark.parametrize(
    ("count", "says"),
    [(0, "0 bytes"), (1, "1 byte"), (999, "999 bytes"), (1000, "1.0 kB"), (1250, "1.3 kB"),
     (999_949, "999.9 kB"), (10**6, "1.0 MB"), (2**53, "9,007.2 TB")],
)  # fmt: skip
def test_a_size_in_words(count, says):
    assert size_text(count) == says


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: CacheCalculatorWidget(0), "num_layers must be a whole number from 1 to 128"),
        (lambda: CacheCalculatorWidget(length=2.5), "length must be a whole number"),
        (lambda: CacheCalculatorWidget(batch_size="2"), "batch_size must be a whole number"),
        (lambda: CacheWidget([], 1, **SMALL), f"tokens must be from 1 to {MOST} texts, got 0"),
        (lambda: CacheWidget(["a"] * 41, 1, **SMALL), "got 41"),
        (lambda: CacheWidget("text", 1, **SMALL), "tokens must be a list of strings"),
        (lambda: CacheWidget(TOKENS, 7, **SMALL), "given must be a whole number from 1 to 6"),
        (lambda: CacheWidget(TOKENS, 4, **SMALL | {"num_layers": 0}), "num_layers must be"),
        (
            lambda: CacheWidget(TOKENS, 4, step=4, **SMALL),
            "step must be a whole number from 1 to 3",
        ),
        (lambda: CacheWidget(TOKENS, 4, layer=3, **SMALL), "layer must be"),
        (lambda: CacheWidget(TOKENS, 4, keep=-1, **SMALL), "keep must be"),
    ],
)
def test_what_is_not_there_is_refused(make, says):
    with pytest.raises(ValueError, match=says):
        make()
