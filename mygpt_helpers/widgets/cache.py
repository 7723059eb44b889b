"""A key-value cache that fills, token by token and layer by layer. First used in lesson 09."""

from __future__ import annotations

from collections.abc import Sequence

from ..checks import checked_count, checked_texts
from ..errors import InputError
from ..pictures.base import LABEL_CHARS
from ..pictures.caches import COMPUTED, FREED, REUSED, WAITING, cache_figure
from ..pictures.tables import visible, visible_title
from .base import LivePicture, Place, Shown, Slider, browser_code, shown_labels
from .cache_calculator import plural, size_text

MOST = 40  # rows that still fit on a screen


class CacheWidget(LivePicture):
    """Which tokens' keys and values are computed in a pass, which are re-used, and what they take.

    tokens: the texts of all tokens that the model reads, from 1 to 40; the first `given` are the
    prompt, read together in pass 1, and each later pass reads one more. num_layers, num_kv_heads,
    head_dim: the model's; bits_per_number: of its dtype. step, layer, keep: the pass that is shown,
    from 1; how many layers it has gone through; to how many tokens the cache is cropped after it.
    They are attributes, too; None: the last pass, all layers, all tokens. Beside it stands what a
    loop without a cache computes. Raises ValueError for what is not there. Used in lesson 09.
    """

    _esm = browser_code("cache_size", "cache")

    step = Place().tag(sync=True)
    layer = Place().tag(sync=True)
    keep = Place().tag(sync=True)

    def __init__(
        self,
        tokens: Sequence[str],
        given: int,
        *,
        num_layers: int,
        num_kv_heads: int,
        head_dim: int,
        bits_per_number: int = 32,
        step: int | None = None,
        layer: int | None = None,
        keep: int | None = None,
        title: str = "",
    ) -> None:
        """Check the texts and the model's figures, and send them to the browser."""
        self._tokens = checked_texts("tokens", tokens)
        count = len(self._tokens)
        if not 1 <= count <= MOST:
            raise InputError(f"tokens must be from 1 to {MOST} texts, got {count}.")
        self._given = checked_count("given", given, last=count)
        self._num_layers = checked_count("num_layers", num_layers)
        shape = {"num_kv_heads": num_kv_heads, "head_dim": head_dim}
        self._heads, self._width = (checked_count(name, n) for name, n in shape.items())
        self._bits = checked_count("bits_per_number", bits_per_number, last=64)
        self._about = visible_title(title)
        self._passes, all_layers = count - self._given + 1, range(self._num_layers + 1)
        data = {
            "tokens": shown_labels(self._tokens),
            "given": self._given,
            "heads": self._heads,
            "width": self._width,
            "bits": self._bits,
            "num_layers": self._num_layers,
            "about": self._about,
        }
        places = range(count + 1)
        sliders = [
            Slider("pass", "step", stops=range(1, self._passes + 1)),
            Slider("layers done", "layer", stops=all_layers),
            Slider("crop to, tokens", "keep", stops=places, off=(count, " (all)")),
        ]
        super().__init__(
            label=title or "Key-value cache",
            data=data,
            sliders=sliders,
            step=self._passes if step is None else step,
            layer=self._num_layers if layer is None else layer,
            keep=count if keep is None else keep,
        )

    def shown(self) -> Shown:
        """Return what is shown of the pass: a row for each token so far, and the counts."""
        T = self._given + self.step - 1  # tokens so far
        new = self._given if self.step == 1 else 1
        now = COMPUTED if self.layer else WAITING
        rows = []
        for place, token in enumerate(self._tokens[:T]):
            is_new = place >= T - new
            state = now if is_new else REUSED
            layers = self.layer if is_new else self._num_layers
            rows.append((token, layers, FREED if place >= self.keep else state, now))
        labels = [f'"{visible(token, LABEL_CHARS)}"' for token, *_ in rows]
        before = (self.step - 1) * self._given + (self.step - 1) * (self.step - 2) // 2
        counts = [
            ["positions, this pass", "", new, T],
            ["positions, all passes", "", T, before + T],
        ]
        each = -(-2 * self._heads * self._width * self._bits // 8)
        held = sum(layers for _, layers, state, _ in rows if state != FREED)
        freed = sum(layers for _, layers, *_ in rows) - held
        facts = (
            f"One token in one layer: 2 × {plural(self._heads, 'head')} × "
            f"{plural(self._width, 'number')} × {self._bits / 8:g} bytes = {each:,} bytes.\n"
            f"All bars together: {plural(held, 'layer')}, {size_text(held * each)}."
        )
        facts += f" Freed: {size_text(freed * each)}." * bool(freed)
        what = "the prompt" if self.step == 1 else "one token"
        title = f"Pass {self.step} of {self._passes} reads {what}"
        title = f"{self._about}: {title}" if self._about else title
        wide = max(map(len, labels))
        tiles = [
            [label, "–" if state == FREED else layers, state, without]
            for label, (_, layers, state, without) in zip(labels, rows, strict=True)
        ]
        lines = [
            f"  {label:<{wide}}  {held:>3}  with the cache {state:<10}  without {without}"
            for label, held, state, without in tiles
        ]
        sums = [f"{name}: with the cache {a:,}, without {b:,}" for name, _, a, b in counts]
        said = [*sums, *facts.splitlines()]
        page = {"title": title, "facts": facts, "rows": [*tiles, *counts]}
        draw = lambda: cache_figure(title, rows, self._num_layers, said)  # noqa: E731
        return Shown("\n".join([title, *lines, *said]), draw, page)
