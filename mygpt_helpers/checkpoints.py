"""A training run on disk: its numbers in safetensors, everything else in JSON. Built in lesson 11.

A checkpoint is a folder. checkpoint.json names the file that holds the numbers and is replaced
last, in one step: a folder holds the old checkpoint or the new one, never half of each.
"""

from __future__ import annotations

import contextlib
import copy
import hashlib
import json
import os
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from .checks import checked_device, checked_model, checked_numbers, kind_of
from .errors import CheckpointError, InputError
from .files import refuse_special, write_whole
from .gpt import GPT
from .models import (
    devices_of,
    made_for_inference,
    random_states,
    set_random_states,
    unwrapped,
)
from .record import Record
from .run_checks import check_optimizer

FORMAT = 1
INDEX = "checkpoint.json"
# What reading numbers or names that do not belong together can raise.
MISFITS = (ValueError, TypeError, KeyError, IndexError, AttributeError, RuntimeError)


def save_checkpoint(
    folder: str | os.PathLike[str],
    model: nn.Module,
    optimizer: torch.optim.Optimizer | None = None,
    record: Record | None = None,
) -> None:
    """Write the model, and what a run needs to go on with, into a folder; a former one goes.

    model: a GPT, or another that has its sizes in model.config, a dict. With an optimizer, its
    state and torch's random generators are saved too. Raises ValueError for a model without config,
    or an optimizer of another; CheckpointError where nothing can be written. Built in lesson 11.
    """
    model = unwrapped(model)
    if optimizer is not None:
        check_optimizer(model, optimizer)
    if record is not None and not isinstance(record, Record):
        raise InputError(f"record must be a Record, as train returns it, got {kind_of(record)}.")
    numbers = {f"model.{name}": t for name, t in model.state_dict().items()}
    content: dict[str, Any] = {
        "config": _config_of(model),
        "optimizer": None,
        "losses": None if record is None else checked_numbers("record.losses", record.losses),
    }
    if record is not None:
        content |= {"held_out": record.held_out, "settings": record.settings}
    if optimizer is not None:
        state = optimizer.state_dict()
        content["optimizer"] = {
            "class": type(optimizer).__name__,
            "groups": state["param_groups"],
        }
        for i, entries in state["state"].items():
            numbers |= {f"optimizer.{i}.{key}": t for key, t in entries.items() if t is not None}
        for device, generator in random_states(devices_of(model)).items():
            numbers[_random(torch.device(device))] = generator
    on_cpu = {name: torch.as_tensor(t, device="cpu") for name, t in numbers.items()}
    data = save({name: t.contiguous().clone() for name, t in on_cpu.items()})
    content["sha256"] = hashlib.sha256(data).hexdigest()
    content["file"] = f"numbers-{content['sha256'][:12]}.safetensors"
    content = json.loads(json.dumps(content, default=float))  # a tensor as learning rate, say
    index = {"format": FORMAT, "sha256": _digest(content), "content": content}
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / content["file"], data)
        write_whole(folder / INDEX, (json.dumps(index, indent=1) + "\n").encode())
        for old in folder.glob("numbers-*.safetensors"):
            if old.name != content["file"] and old.is_file():
                with contextlib.suppress(OSError):  # open elsewhere, on Windows: it may stay
                    old.unlink()
    except OSError as error:
        raise CheckpointError(f"cannot write the checkpoint {folder}: {error.strerror}.") from None


def load_checkpoint(
    folder: str | os.PathLike[str],
    model: nn.Module | None = None,
    optimizer: torch.optim.Optimizer | None = None,
    *,
    device: torch.device | str | None = None,
) -> tuple[nn.Module, Record]:
    """Read what save_checkpoint wrote: the model, and the record of its losses.

    Without a model a new GPT is made, on `device`, by default torch's default. A model given takes
    the weights over; an optimizer of that model given, its state, and torch its random generators,
    so that training on a device of the same kind goes on as if never stopped. Nothing is unpickled,
    and nothing is changed unless all of it fits. Raises CheckpointError for a folder without a
    checkpoint, a damaged one, and one of another configuration; ValueError for an optimizer of no
    model or another, a device that is not there, and a model made under torch.inference_mode().
    Built in lesson 11.
    """
    if model is not None:
        _check_writable(checked_model(model), optimizer)
    if optimizer is not None:
        if model is None:
            raise InputError(
                "an optimizer needs its model: load_checkpoint(folder, model, optimizer)."
            )
        check_optimizer(model, optimizer)
    folder = Path(folder)
    content, numbers = _read(folder)
    weights = _part(numbers, "model")
    fresh = model is None
    if fresh:
        model = held = _empty_model(folder, content["config"])
        device = checked_device(device)
        weights = {name: t.to(device) for name, t in weights.items()}
    else:
        held = unwrapped(model)
        _check_config(folder, content["config"], _config_of(held))
    wanted = {name: t.shape for name, t in held.state_dict().items()}
    if wanted != {name: t.shape for name, t in weights.items()}:
        raise CheckpointError(
            f"the weights in {folder} have other names or shapes than this model's."
        )
    if optimizer is not None:
        _load_optimizer(folder, content["optimizer"], numbers, optimizer)
    held.load_state_dict(weights, assign=fresh)
    return model, Record(content["losses"], content["held_out"], content["settings"])


def _check_writable(model: nn.Module, optimizer: torch.optim.Optimizer | None) -> None:
    """Raise InputError for a model whose weights stay as they are, or are of no use to train."""
    is_inside = torch.is_inference_mode_enabled()
    if (is_inside and optimizer is not None) or (not is_inside and made_for_inference(model)):
        raise InputError(
            "the model was made, or a run is loaded into it, under torch.inference_mode(), where "
            "nothing can be trained. Make it and load it outside."
        )


def _config_of(model: nn.Module) -> dict[str, Any]:
    """Return a model's sizes as JSON gives them back, or raise InputError."""
    config = getattr(model, "config", None)
    if not isinstance(config, dict):
        raise InputError(
            "the model has no config, a dict of the sizes it was made with, such as a GPT has: "
            "without one nobody could make a model for these weights again."
        )
    return json.loads(json.dumps(config, default=float))


def _check_config(folder: Path, saved: dict[str, Any], config: dict[str, Any]) -> None:
    """Raise CheckpointError where a model's config is not the saved one."""
    saved = saved if isinstance(saved, dict) else {}
    differ = [
        f"{name}={saved.get(name)} (the model has {config.get(name)})"
        for name in saved | config
        if saved.get(name) != config.get(name)
    ]
    if differ:
        raise CheckpointError(
            f"the checkpoint {folder} is of another configuration: {', '.join(differ)}. "
            "load_checkpoint(folder) alone makes a model that fits."
        )


class _Unfilled(TorchFunctionMode):
    """Have torch.nn.init do nothing: on the meta device it would load a compiler, for a second."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:  # noqa: ANN401
        of_init = getattr(func, "__module__", None) == "torch.nn.init"
        return None if of_init else func(*args, **(kwargs or {}))


def _empty_model(folder: Path, config: dict[str, Any]) -> GPT:
    """Return a GPT without numbers: making one draws nothing from torch's random generator."""
    try:
        with torch.device("meta"), _Unfilled():
            return GPT(**config)
    except MISFITS as error:
        raise _damaged(folder, f"its configuration makes no GPT ({error})") from None


def _load_optimizer(
    folder: Path,
    saved: dict[str, Any] | None,
    numbers: dict[str, Tensor],
    optimizer: torch.optim.Optimizer,
) -> None:
    """Load the optimizer's state and torch's random generator, or raise and change nothing."""
    if saved is None:
        raise CheckpointError(
            f"the checkpoint {folder} holds no optimizer: it was saved without one, and can be "
            "generated from, not gone on with."
        )
    former = copy.deepcopy(optimizer.state_dict())
    try:
        sizes = [len(group["params"]) for group in optimizer.param_groups]
        saved_sizes = [len(group["params"]) for group in saved["groups"]]
        if saved["class"] != type(optimizer).__name__ or saved_sizes != sizes:
            raise CheckpointError(
                f"the checkpoint {folder} was trained by {saved['class']} on other groups of "
                f"parameters than this {type(optimizer).__name__} holds."
            )
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        state: dict[int, dict[str, Tensor]] = {}
        for name, t in _part(numbers, "optimizer").items():
            i, key = name.split(".", 1)
            if t.ndim and t.shape != parameters[int(i)].shape:
                raise ValueError(f"{name} has shape {tuple(t.shape)}")
            state.setdefault(int(i), {})[key] = t
        states = {"cpu": numbers["random"]}
        for device in {p.device for p in parameters}:
            if _random(device) in numbers:
                states[str(device)] = numbers[_random(device)]
        optimizer.load_state_dict({"state": state, "param_groups": saved["groups"]})
        set_random_states(states)
    except CheckpointError:
        raise
    except (*MISFITS, OverflowError) as error:
        optimizer.load_state_dict(former)
        raise _damaged(folder, f"the optimizer's state does not fit ({error})") from None


def _random(device: torch.device) -> str:
    """Return the name of the state of a device's generator; its number may be another later."""
    return "random" if device.type == "cpu" else f"random.{device.type}"


def _part(numbers: dict[str, Tensor], part: str) -> dict[str, Tensor]:
    """Return the tensors of one part, without the part's name in front of theirs."""
    return {name[len(part) + 1 :]: t for name, t in numbers.items() if name.startswith(f"{part}.")}


def _digest(content: dict[str, Any]) -> str:
    """Return the sha256 of JSON, however it is laid out."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _read(folder: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Return a checkpoint's content and numbers, or raise CheckpointError."""
    if folder.is_file():
        raise CheckpointError(
            f"{folder} is a file, and a checkpoint is the folder that save_checkpoint made. A "
            "pickle (.pt, .pth, .bin) is never opened: opening one can run any program."
        )
    try:
        refuse_special(folder / INDEX)
        index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise CheckpointError(
            f"there is no checkpoint in {folder}: no {INDEX}. save_checkpoint makes one."
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise _damaged(folder, f"{INDEX} cannot be read ({type(error).__name__})") from None
    if not isinstance(index, dict) or not isinstance(index.get("content"), dict):
        raise _damaged(folder, f"{INDEX} holds no checkpoint")
    if index.get("format") != FORMAT:
        raise CheckpointError(
            f"the checkpoint {folder} has format {index.get('format')!r}; this is {FORMAT}."
        )
    content = index["content"]
    if _digest(content) != index.get("sha256"):
        raise _damaged(folder, f"{INDEX} was changed")
    try:
        # The file stands beside its index, whatever is written there.
        data = (folder / Path(content["file"]).name).read_bytes()
        if hashlib.sha256(data).hexdigest() != content["sha256"]:
            raise _damaged(folder, f"{content['file']} is cut short or was changed")
        if not {"config", "optimizer"} <= content.keys():
            raise _damaged(folder, f"{INDEX} holds no checkpoint")
        content["losses"] = [float(loss) for loss in content["losses"] or []]
        held_out = content.get("held_out") or {}  # an older checkpoint has none
        content["held_out"] = {int(step): float(loss) for step, loss in held_out.items()}
        content["settings"] = dict(content.get("settings") or {})
        return content, load(data)
    except FileNotFoundError:
        raise _damaged(folder, f"{content['file']} is missing") from None
    except SafetensorError:
        what = f"{content['file']} is no safetensors file, and nothing else is opened"
        raise _damaged(folder, what) from None
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise _damaged(folder, f"it is not as it was written ({type(error).__name__})") from None


def _damaged(folder: Path, what: str) -> CheckpointError:
    return CheckpointError(f"the checkpoint {folder} is damaged: {what}. Save it again.")
