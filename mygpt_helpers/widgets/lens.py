"""What a model would have written, had it stopped after an earlier layer. Used in lesson 14."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ..checks import at_least_float32, check_ids, checked_count, shape_of
from ..errors import InputError
from ..pictures.distributions import summarize
from ..pictures.lenses import Layer, appears, lens_figure, lens_text
from ..pictures.tables import visible_title
from .base import LivePicture, Place, Shown, Slider, browser_code, shown_labels
from .runs import label_maker
from .steps import bar_rows, sent_distribution

MOST_TOKENS = 32


class LensWidget(LivePicture):
    """A slider over the layers: the top token after each position, had the model stopped there.

    logits: (L + 1, T, V), what logit_lens returned for ids (1, T), at most 32 tokens. label_of: an
    id's text, such as tokenizer.decode, or V strings. For the last position the num_bars top tokens
    are shown, and the final answer's rank at each layer. layer, where the slider starts, is an
    attribute too: 0 is the embedding. Raises ValueError for logits and ids that do not fit. Used in
    lesson 14.
    """

    _esm = browser_code("chart", "bars", "lens")

    layer = Place().tag(sync=True)

    def __init__(
        self,
        logits: Tensor,
        ids: Tensor,
        label_of: Sequence[str] | Callable[[int], str],
        *,
        num_bars: int = 5,
        layer: int = 0,
        title: str = "",
    ) -> None:
        """Read all logits once, and send the top few of each layer."""
        num_bars = checked_count("num_bars", num_bars)
        logits, ids = _checked(logits, ids)
        depth, _, V = logits.shape
        text_of = label_maker(label_of, V)
        self._title = visible_title(title)
        self._tokens = [text_of(i) for i in ids.tolist()]
        answer = int(logits[-1, -1].argmax())
        self._answer_text = text_of(answer)
        self._layers = []
        for number, scores in enumerate(logits):  # (T, V)
            name = f"layer {number} of {depth - 1}" if number else "layer 0: the embedding"
            heading = f"{self._title}: {name}" if self._title else name
            probs = scores.softmax(dim=-1)  # (T, V)
            tops = [(text_of(int(i)), float(p)) for p, i in zip(*probs.max(dim=-1), strict=True)]
            z, own = scores[-1], probs[-1]  # (V,) each
            rank = 1 + int((z > z[answer]).sum()) + int((z[:answer] == z[answer]).sum())
            bars = summarize(z, own, text_of, num_bars=num_bars, title=heading)
            self._layers.append(Layer(heading, tuple(tops), bars, rank, float(own[answer])))
        ranks = [now.rank for now in self._layers]
        self._appears = f'"{shown_labels([self._answer_text])[0][0]}" is {appears(ranks)}'
        data = {
            "tokens": shown_labels(self._tokens),
            "answer": shown_labels([self._answer_text])[0],
            "layers": [
                {
                    "title": now.title,
                    "tops": [
                        *zip(shown_labels([t for t, _ in now.tops]), _probs(now), strict=True)
                    ],
                    "bars": sent_distribution(now.last),
                    "rank": now.rank,
                    "story": f"{now.story(V)}\n{self._appears}",
                }
                for now in self._layers
            ],
        }
        slider = Slider("layer", "layer", stops=[*range(depth)])
        super().__init__(label=title or "Logit lens", data=data, sliders=[slider], layer=layer)

    def shown(self) -> Shown:
        """Return what is shown of the layer."""
        now, sent = self._layers[self.layer], self._data["layers"][self.layer]
        facts = f'the final answer "{self._data["answer"][0]}"{sent["story"]}'
        names = [f'"{short}"' for short, _ in self._data["tokens"]]
        tops = zip(names, sent["tops"], strict=True)
        rows = [[name, f'"{short}"', prob] for name, ((short, _), prob) in tops]
        curve = [[f"{len(self._layers)} points"]]
        page = {"title": now.title, "facts": facts, "rows": rows + bar_rows(now.last) + curve}
        picture = (self._tokens, self._layers, self.layer, now.title)
        return Shown(lens_text(self._tokens, now, facts), lambda: lens_figure(*picture), page)


def _probs(now: Layer) -> list[float]:
    return [prob for _, prob in now.tops]


def _checked(logits: Tensor, ids: Tensor) -> tuple[Tensor, Tensor]:
    """Return logits (L + 1, T, V) and ids (T,) on the CPU, or raise ValueError."""
    expected = "what logit_lens returned for ids (1, T): logits (L + 1, T, V)"
    if not isinstance(logits, Tensor) or logits.ndim != 3 or 0 in logits.shape:
        raise InputError(f"logits must be {expected}; got {shape_of(logits)}.")
    if not isinstance(ids, Tensor) or tuple(ids.shape) != (1, logits.shape[1]):
        raise InputError(f"ids must be those of the logits, shape (1, T); got {shape_of(ids)}.")
    if ids.shape[1] > MOST_TOKENS:
        raise InputError(f"the text has {ids.shape[1]} tokens; at most {MOST_TOKENS} fit here.")
    check_ids("ids", ids, logits.shape[-1])
    logits = at_least_float32("logits", logits.detach().cpu())
    if not bool(torch.isfinite(logits.amax(dim=-1)).all()):
        raise InputError("logits hold NaN or plus infinity, or a row without a finite number.")
    return logits, ids[0].cpu()
