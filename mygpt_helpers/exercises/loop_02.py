"""The loop of exercise 02.loop: the right one, what it is tried on, and loops that go wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import torch

from .calls import TooManyCalls

if TYPE_CHECKING:
    from transformers.modeling_outputs import CausalLMOutput


@torch.no_grad()
def write(
    model: torch.nn.Module, ids: torch.Tensor, max_new_tokens: int, eos_token_id: int | None
) -> torch.Tensor:
    """Continue ids (1, T) by the top token, up to max_new_tokens times, or up to eos_token_id."""
    for _ in range(max_new_tokens):
        logits = model(ids).logits  # (1, T, V)
        next_id = logits[:, -1].argmax(dim=-1, keepdim=True)  # (1, 1)
        ids = torch.cat([ids, next_id], dim=1)  # (1, T + 1)
        if next_id.item() == eos_token_id:
            break
    return ids


class Toy(torch.nn.Module):
    """A model of V tokens whose scores hang on all ids so far: on the last one most."""

    def __init__(self, V: int, context: int = 16) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(V)
        self.scores = torch.randn(V, V, generator=generator)  # by the last id
        self.earlier = torch.randn(V, V, generator=generator)  # by the mean of all
        self.context, self.calls = context, 0

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor | None = None,
        **_: Any,  # noqa: ANN401
    ) -> CausalLMOutput:
        """Return the logits (1, T, V) of input_ids (1, T), as a model of transformers does."""
        from transformers.modeling_outputs import CausalLMOutput

        self.calls += 1
        if self.calls > 100:
            raise TooManyCalls(f"the model was called more than {self.calls - 1} times.")
        counts = torch.arange(1, input_ids.shape[1] + 1)[:, None]  # (T, 1)
        earlier = self.earlier[input_ids].cumsum(1) / counts  # (1, T, V)
        return CausalLMOutput(logits=self.scores[input_ids] + 2 * earlier)


def transformer(kind: str) -> torch.nn.Module:
    """Make a tiny random model of transformers."""
    import transformers

    sizes = {"vocab_size": 12, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    more = {"intermediate_size": 16, "num_key_value_heads": 1, "head_dim": 8}
    if kind == "gpt2":
        config = transformers.GPT2Config(
            **sizes, initializer_range=0.6, bos_token_id=0, eos_token_id=0
        )
    else:
        config = transformers.Qwen3Config(**sizes, **more, initializer_range=0.6)
    torch.default_generator.manual_seed(1)
    return transformers.AutoModelForCausalLM.from_config(config).eval()


def models_and_prompts() -> Iterator[tuple]:
    """Yield each model, made anew, with a prompt (1, T), a budget, and an end token or None."""
    for V, prompt in ((4, [0]), (4, [1, 2]), (9, [3, 1, 4]), (9, [8])):
        for budget in (1, 2, 5):
            yield Toy(V), torch.tensor([prompt]), budget, None
        told = write(Toy(V), torch.tensor([prompt]), 5, None)[0, len(prompt) :].tolist()
        for eos in (told[2], told[0], prompt[0]):
            yield Toy(V), torch.tensor([prompt]), 5, eos
    for kind in ("gpt2", "qwen3"):
        for eos in (None, 3):
            yield transformer(kind), torch.tensor([[1, 5, 2]]), 6, eos


def loop(
    next_ids: Callable = lambda logits: logits[:, -1].argmax(dim=-1, keepdim=True),
    join: Callable = lambda ids, new: torch.cat([ids, new], dim=1),
    stop: Callable = lambda new, eos: new.item() == eos,
    result: Callable = lambda ids, T: ids,
) -> Callable:
    """Make a loop that differs from the right one in one part."""

    @torch.no_grad()
    def written(model: torch.nn.Module, ids: torch.Tensor, max_new_tokens: int, eos: int) -> object:
        T = ids.shape[1]
        for _ in range(max_new_tokens):
            new = next_ids(model(ids).logits)
            ids = join(ids, new)
            if stop(new, eos):
                break
        return result(ids, T)

    return written


@torch.no_grad()
def stops_before(
    model: torch.nn.Module, ids: torch.Tensor, max_new_tokens: int, eos: int
) -> torch.Tensor:
    """Write as write does, but leave the end token out."""
    whole = write(model, ids, max_new_tokens, eos)
    return whole[:, :-1] if whole.shape[1] > ids.shape[1] and whole[0, -1] == eos else whole
