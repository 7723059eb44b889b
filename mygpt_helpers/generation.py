"""From a prompt to what a model takes. Grows into the generation loop in later lessons."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import BatchEncoding, PreTrainedModel, PreTrainedTokenizerBase


class PromptError(ValueError):
    """A prompt that no model can continue; the message says why and what to do."""

    def _render_traceback_(self, *_: object) -> list[str]:
        """Show the message alone in IPython; the way through our code would help nobody."""
        return [f"PromptError: {self}"]


def prompt_inputs(
    tokenizer: PreTrainedTokenizerBase, prompt: str, model: PreTrainedModel
) -> BatchEncoding:
    """Return tokenizer(prompt, return_tensors="pt"), for a prompt that the model can take.

    The result holds input_ids and attention_mask, both (1, T). Raises PromptError (a ValueError)
    for what is not text, for no token at all, and for more tokens than the model's context. Built
    in lesson 01.
    """
    if not isinstance(prompt, str):
        raise PromptError(f"the prompt must be a text, got {type(prompt).__name__}.")
    inputs = tokenizer(prompt, return_tensors="pt")
    T = inputs["input_ids"].shape[1]
    if T == 0:
        raise PromptError(
            "the prompt is empty: it has no token, so there is no position to predict from. "
            "Write at least one character."
        )
    longest = getattr(model.config, "max_position_embeddings", None) or T
    if longest < T:
        raise PromptError(
            f"the prompt has {T:,} tokens, and this model's context holds {longest:,}. Shorten it."
        )
    return inputs
