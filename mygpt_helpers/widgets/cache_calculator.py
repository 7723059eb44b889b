"""What a key-value cache costs and saves, for any model, under sliders. First used in lesson 09."""

from __future__ import annotations

import math
from typing import NamedTuple

from ..pictures.base import Picture
from ..pictures.curves import show_curves
from .base import LivePicture, Place, Shown, Slider, browser_code


class Preset(NamedTuple):
    """What of a well-known model its cache depends on, and where that is published."""

    name: str
    num_layers: int
    num_kv_heads: int
    head_dim: int
    context: int  # the longest text that it reads, in tokens
    source: str  # the page whose config.json says so


PRESETS = (
    Preset("SmolLM2-135M", 30, 3, 64, 8192, "huggingface.co/HuggingFaceTB/SmolLM2-135M"),
    Preset("GPT-2 small", 12, 12, 64, 1024, "huggingface.co/openai-community/gpt2"),
    Preset("Qwen3-0.6B", 28, 8, 128, 40960, "huggingface.co/Qwen/Qwen3-0.6B"),
    Preset("Llama-2-7B", 32, 32, 128, 4096, "huggingface.co/meta-llama/Llama-2-7b-hf"),
    Preset("Llama-3-8B", 32, 8, 128, 8192, "huggingface.co/meta-llama/Meta-Llama-3-8B"),
)
LAYERS = [*range(1, 17), *range(18, 33, 2), 36, 40, 48, 64, 80, 96, 128]
HEADS = [1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32, 40, 48, 64, 96, 128]
WIDTHS = [8, 16, 32, 48, 64, 80, 96, 112, 128, 160, 192, 256]
BITS = [4, 8, 16, 32]
LENGTHS = [2**i for i in range(18)]  # to 131,072
BATCHES = [2**i for i in range(9)]  # to 256: the largest cache is still exact in the browser
LAPTOP = 8e9  # bytes of the memory of the course's laptop


class CacheCalculatorWidget(LivePicture):
    """The memory of a model's key-value cache, and the work that it saves, under six sliders.

    num_layers: from 1 to 128; num_kv_heads: key-value heads in a layer, from 1 to 128; head_dim:
    numbers in a key, from 8 to 256; bits_per_number: from 4 to 32; length: tokens in each text,
    from 1 to 131,072; batch_size: texts, from 1 to 256. Where the sliders start, and attributes.
    Buttons set the first three to those of well-known models, and a sentence tells a length that is
    beyond the model's context. Raises ValueError for another number.
    Used in lesson 09.
    """

    _esm = browser_code("chart", "cache_size", "cache_calculator")

    num_layers = Place().tag(sync=True)
    num_kv_heads = Place().tag(sync=True)
    head_dim = Place().tag(sync=True)
    bits_per_number = Place().tag(sync=True)
    length = Place().tag(sync=True)
    batch_size = Place().tag(sync=True)

    def __init__(
        self,
        num_layers: int = 30,
        num_kv_heads: int = 3,
        head_dim: int = 64,
        *,
        bits_per_number: int = 32,
        length: int = 8192,
        batch_size: int = 1,
    ) -> None:
        """Send the presets, and where the sliders start."""
        stops = {
            "layers": ("num_layers", LAYERS, num_layers),
            "key-value heads": ("num_kv_heads", HEADS, num_kv_heads),
            "head width": ("head_dim", WIDTHS, head_dim),
            "bits per number": ("bits_per_number", BITS, bits_per_number),
            "length, tokens": ("length", LENGTHS, length),
            "batch, texts": ("batch_size", BATCHES, batch_size),
        }
        super().__init__(
            label="Key-value cache calculator",
            data={"presets": [p._asdict() for p in PRESETS], "lengths": LENGTHS, "laptop": LAPTOP},
            sliders=[
                Slider(name, trait, stops=values) for name, (trait, values, _) in stops.items()
            ],
            **{trait: start for trait, _, start in stops.values()},
        )

    def shown(self) -> Shown:
        """Return the curve of the memory over the length, the formula, and the work in a table."""
        shape = (self.num_layers, self.num_kv_heads, self.head_dim)
        preset = next((p for p in PRESETS if p[1:4] == shape), None)
        per_token = 2 * math.prod(shape)  # numbers
        T, B = self.length, self.batch_size

        def memory(tokens: int) -> int:
            return -(-per_token * tokens * B * self.bits_per_number // 8)

        title = f"{preset.name if preset else 'A model of your own'}: {size_text(memory(T))}"
        layers, heads, width, texts = map(plural, (*shape, B), ("layer", "head", "number", "text"))
        factors = f"2 × {layers} × {heads} × {width} × {self.bits_per_number / 8:g} bytes"
        facts = [f"{factors} × {plural(T, 'token')} × {texts} = {memory(T):,} bytes"]
        if preset:
            over_it = " The length is beyond that." * (preset.context < T)
            facts.append(f"{preset.name} reads up to {preset.context:,} tokens.{over_it}")
            facts.append(f"The model's figures: {preset.source}, config.json")
        work = [
            ["positions through the layers, for the next token", B, B * T],
            ["positions, all passes of the whole text", B * T, B * T * (T + 1) // 2],
        ]

        def over(lengths: list[int]) -> Picture:
            sizes = {"memory": [memory(n) for n in lengths]}
            about = {"x_label": "length, tokens", "y_label": "bytes", "title": title}
            marks, levels = {f"{T:,}": T}, {"8 GB": LAPTOP}
            return show_curves(
                lengths, sizes, log_x=True, log_y=True, marks=marks, levels=levels, **about
            )

        curve = over(LENGTHS)
        lines = [f"  {name}  with the cache {a:,}, without {b:,}" for name, a, b in work]
        said = "\n".join(facts)
        page = {"title": title, "facts": said, "rows": [*work, [f"{len(LENGTHS)} points"]]}
        return Shown("\n".join([curve.text, said, *lines]), lambda: curve.figure, page)


def size_text(count: float) -> str:
    """Return a number of bytes in words, 1 kB being 1,000 bytes; cache_size.js says the same."""
    if count < 1000:
        return plural(count, "byte")
    power = next(p for p in (1, 2, 3, 4) if count < 1000 ** (p + 1) or p == 4)
    return f"{math.floor(10 * count / 1000**power + 0.5) / 10:,.1f} {'kMGT'[power - 1]}B"


def plural(count: int, thing: str) -> str:
    """Return a number with what it counts: "1 head", "3 heads"; cache_size.js says the same."""
    return f"{count:,} {thing}{'s' * (count != 1)}"
