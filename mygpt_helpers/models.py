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

from .checks import checked_model
from .errors import InputError

if TYPE_CHECKING:
    from transformers import PretrainedConfig

# Beside those that fill masks: they look at both sides of a position, too.
TWO_SIDED = ("bert-generation", "cpmant", "xlnet")
# The writing half of two kinds that AutoModelForCausalLM knows as a whole.
HALVES = ("emu3_text_model", "mllama_text_model")
META = torch.device("meta")  # where accelerate leaves the numbers that it brings in when needed


def unwrapped(model: nn.Module) -> nn.Module:
    """Return the model that a wrapper holds (torch.compile's, DataParallel, an adapter's).

    A wrapper hands on whatever it is called with: its forward names no argument, and it has one
    part and no numbers of its own. It is the wrapper that is called; what is asked about the model
    is asked of what it holds. Raises ValueError for what is no model at all.
    """
    model = checked_model(model)
    while True:
        parts = list(model.children())
        if hasattr(type(model), "get_base_model"):  # PEFT's, which names some arguments
            model = model.get_base_model()
        elif len(parts) == 1 and not names_of_arguments(model) and not _has_own_numbers(model):
            model = parts[0]
        else:
            return model


def _has_own_numbers(model: nn.Module) -> bool:
    """Tell whether a checkpoint of what a module holds would lack some of the module's numbers."""
    averaged = isinstance(model, torch.optim.swa_utils.AveragedModel)  # it counts its updates
    return not averaged and any("." not in name for name in model.state_dict())


def model_inside(model: nn.Module) -> nn.Module:
    """Return the part that knows its context: the model itself, or one that it is built around."""
    model = unwrapped(model)
    parts = (*model.modules(), *vars(model).values())  # a part may be hidden from torch
    modules = (part for part in parts if isinstance(part, nn.Module))
    known = ("max_seq_len", "get_input_embeddings")
    return next((part for part in modules if any(hasattr(part, name) for name in known)), model)


def names_of_arguments(model: nn.Module) -> set[str]:
    """Return the arguments that a model's class takes by name, whatever replaced its forward.

    What a forward takes without a name, it hands on to that of the class above.
    """
    names: set[str] = set()
    for cls in type(model).__mro__:
        if hasattr(cls, "forward"):
            arguments = list(inspect.signature(cls.forward).parameters.values())[1:]
            named = {a.name for a in arguments if a.kind not in (a.VAR_POSITIONAL, a.VAR_KEYWORD)}
            names |= named
            if len(named) == len(arguments):
                break
    return names


def context_of(model: nn.Module) -> int | None:
    """Return how many tokens a model of transformers reads at most, or None for no limit."""
    config = getattr(unwrapped(model), "config", None)
    if hasattr(config, "get_text_config"):  # a model for texts and pictures has two
        config = config.get_text_config(decoder=True)
    names = ("max_position_embeddings", "max_target_positions", "max_seq_len")  # Whisper's, MPT's
    lengths = [getattr(config, name, None) for name in names]
    length = next((length for length in lengths if length), 0)
    if getattr(config, "model_type", None) == "prophetnet":
        length -= config.pad_token_id + 2  # it counts from there, and looks one token further
    return length if length > 0 else None


def vocab_size_of(model: nn.Module) -> int | None:
    """Return how many tokens a model scores, or None where it does not say."""
    model = unwrapped(model)
    if hasattr(model, "get_input_embeddings"):  # more than config.vocab_size, where it was resized
        return getattr(model.get_input_embeddings(), "num_embeddings", None)
    config = getattr(model, "config", None)
    return config.get("vocab_size") if isinstance(config, dict) else None


def is_transformers(model: nn.Module) -> bool:
    """Tell whether a model is one of transformers', or raise InputError if that cannot write."""
    held = unwrapped(model)
    for part in model.modules():
        if getattr(getattr(part, "active_peft_config", None), "is_prompt_learning", False):
            raise InputError(
                f"a {type(part).__name__} learns a prompt (num_virtual_tokens), and generate does "
                "not put it before yours: its own model.generate does."
            )
    config = getattr(held, "config", None)
    if not hasattr(config, "model_type"):
        return hasattr(held, "prepare_inputs_for_generation")
    why = None if config.model_type in HALVES else not_causal(config)
    if not why and not hasattr(held, "prepare_inputs_for_generation"):
        why = "it has no head that scores the next token"
    if why:
        raise InputError(
            f"a {type(held).__name__} cannot continue a text: {why}. Load a causal language "
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
    two_sided &= not (getattr(config, "is_decoder", False) or getattr(config, "causal", False))
    text = config.get_text_config(decoder=True)  # the others have a switch to the other side
    two_sided |= getattr(text, "use_bidirectional_attention", None) in (True, "all")
    if two_sided or not getattr(text, "is_causal", True):
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


def numbers_of(model: nn.Module) -> list[Tensor]:
    """Return all tensors that a model keeps: parameters first, then buffers."""
    return [*model.parameters(), *model.buffers()]


def made_for_inference(model: nn.Module) -> bool:
    """Tell whether a model was made under torch.inference_mode(): it can never be trained."""
    return any(t.is_inference() for t in numbers_of(model))


def devices_of(model: nn.Module) -> set[torch.device]:
    """Return the devices that a model's numbers lie on."""
    return {t.device for t in numbers_of(model)} - {META}


def device_of(model: nn.Module) -> torch.device:
    """Return the device that a model takes its ids on: that of its first numbers."""
    places = (t.device for t in model.parameters())
    return next((place for place in places if place != META), torch.device("cpu"))


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
