"""A model, looked at from outside: what a wrapper holds, what it reads, whether it can write.

Nothing here computes with a model. Used by generation, training and checkpoints.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from .errors import InputError

if TYPE_CHECKING:
    from transformers import PretrainedConfig

# Beside those that fill masks: they look at both sides of a position, too.
TWO_SIDED = ("bert-generation", "cpmant", "xlnet")


def unwrapped(model: nn.Module) -> nn.Module:
    """Return the model that a wrapper holds (torch.compile's, DataParallel, an adapter's).

    A wrapper hands on whatever it is called with: its forward names no argument, and it has one
    part. It is the wrapper that is called; what is asked about the model is asked of what it holds.
    """
    while True:
        parts = list(model.children())
        if hasattr(type(model), "get_base_model"):  # PEFT's, which names some arguments
            model = model.get_base_model()
        elif len(parts) == 1 and not names_of_arguments(model):
            model = parts[0]
        else:
            return model


def names_of_arguments(model: nn.Module) -> set[str]:
    """Return the arguments that a model's class takes by name, whatever replaced its forward."""
    arguments = list(inspect.signature(type(model).forward).parameters.values())[1:]
    return {a.name for a in arguments if a.kind not in (a.VAR_POSITIONAL, a.VAR_KEYWORD)}


def context_of(model: nn.Module) -> int | None:
    """Return how many tokens a model of transformers reads at most, or None for no limit."""
    config = getattr(unwrapped(model), "config", None)
    if hasattr(config, "get_text_config"):  # a model for texts and pictures has two
        config = config.get_text_config(decoder=True)
    length = getattr(config, "max_position_embeddings", None)
    return length if length and length > 0 else None


def vocab_size_of(model: nn.Module) -> int | None:
    """Return how many tokens a model scores, or None where it does not say."""
    model = unwrapped(model)
    if hasattr(model, "get_input_embeddings"):  # more than config.vocab_size, where it was resized
        return getattr(model.get_input_embeddings(), "num_embeddings", None)
    config = getattr(model, "config", None)
    return config.get("vocab_size") if isinstance(config, dict) else None


def is_transformers(model: nn.Module) -> bool:
    """Tell whether a model is one of transformers', or raise InputError if that cannot write."""
    model = unwrapped(model)
    config = getattr(model, "config", None)
    if not hasattr(config, "model_type"):
        return hasattr(model, "prepare_inputs_for_generation")
    why = not_causal(config)
    if not why and not hasattr(model, "prepare_inputs_for_generation"):
        why = "it has no head that scores the next token"
    if why:
        raise InputError(
            f"a {type(model).__name__} cannot continue a text: {why}. Load a causal language "
            "model, with AutoModelForCausalLM."
        )
    return True


def not_causal(config: PretrainedConfig) -> str | None:
    """Say why a model of transformers with this configuration is no causal one, or return None."""
    from transformers.models.auto import modeling_auto as auto

    kind = config.model_type
    if config.is_encoder_decoder:
        return f"{kind} reads a prompt with an encoder, and continues nothing"
    if kind not in auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES:
        return f"transformers knows no causal language model of the kind {kind}"
    two_sided = kind in auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES or kind in TWO_SIDED
    # xlm calls it causal; xlnet and cpmant have no such switch.
    if two_sided and not (getattr(config, "is_decoder", False) or getattr(config, "causal", False)):
        return f"{kind} was made to look at the tokens on both sides of a position"
    return None


@contextlib.contextmanager
def mode(model: nn.Module, *, training: bool) -> Iterator[None]:
    """Switch all parts of a model to training or to use, and afterwards back to what each was."""
    before = {part: part.training for part in model.modules()}
    model.train(training)
    try:
        yield
    finally:
        for part, was_training in before.items():
            part.training = was_training


def devices_of(model: nn.Module) -> set[torch.device]:
    """Return the devices that a model's numbers lie on."""
    return {t.device for t in (*model.parameters(), *model.buffers())}


def random_states(devices: Iterable[torch.device]) -> dict[str, Tensor]:
    """Return the states of torch's generators, of the CPU's and of these devices'."""
    states = {"cpu": torch.get_rng_state()}
    for device in devices:
        if device.type != "cpu":
            states[str(device)] = torch.get_device_module(device).get_rng_state(device)
    return states


def set_random_states(states: dict[str, Tensor]) -> None:
    """Put torch's generators back to what random_states gave."""
    for device, state in states.items():
        if device == "cpu":
            torch.set_rng_state(state)
        else:
            torch.get_device_module(torch.device(device)).set_rng_state(state, device)


def default_device(device: torch.device) -> contextlib.AbstractContextManager[object]:
    """Have tensors made on a device where none is named, whatever the caller's default is."""
    # Entered only where it changes something: it costs a little at every call of torch.
    return contextlib.nullcontext() if device == torch.get_default_device() else device
