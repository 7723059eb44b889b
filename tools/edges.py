"""Find outputs that sit near a rounding edge: `python -m tools.edges [notebooks/*.ipynb]`.

Between processors the real model's probabilities differ by up to about 1e-5, and a number printed
as 0.12 may be 0.125 by less than that. So the lessons run again on the model with a little noise on
its weights, as large as moves probabilities by 1e-5, and every compared output that changes is
named. So do the models that the lessons make themselves: each begins with a little noise on its
weights. Print fewer digits there, or choose another example.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel
from transformers.utils import logging

from mygpt_helpers import lesson_checkpoint

from .compare import compare
from .refresh import LESSONS, ROOT

MOVE = 1e-5  # the most that a probability may move
PROMPTS = (
    "I had some beer from the",
    "The capital of France is",
    "Hi, how are you doing today?",
    "Once upon a time",
)


# Python runs this file when it starts, in the kernels too. The losses of a training differ between
# processors by about 1e-7 of their size; this moves them by a few times as much.
NOISE_ON_OURS = """
import importlib.abc, importlib.machinery, sys

class Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name != "mygpt_helpers.gpt":
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        load = spec.loader.exec_module
        def exec_module(module):
            load(module)
            torch, make = module.torch, module.GPT.__init__
            def __init__(self, *args, **kwargs):
                make(self, *args, **kwargs)
                generator = torch.Generator().manual_seed(SEED)
                with torch.no_grad():
                    for weight in self.parameters():
                        noise = torch.randn(weight.shape, generator=generator, device="cpu")
                        if not weight.is_meta:
                            weight *= 1 + 2e-7 * noise
            module.GPT.__init__ = __init__
        spec.loader.exec_module = exec_module
        return spec

sys.meta_path.insert(0, Finder())
"""


def distributions(model: PreTrainedModel, prompt_ids: list[Tensor]) -> Tensor:
    """Return the next-token probabilities at all positions of the prompts, (sum of T, V)."""
    with torch.inference_mode():
        return torch.cat([model(ids).logits[0].softmax(dim=-1) for ids in prompt_ids])


def add_noise(model: PreTrainedModel, weights: dict[str, Tensor], size: float, seed: int) -> None:
    """Multiply each of the weights by 1 + size * N(0, 1) and load them into the model."""
    generator = torch.Generator().manual_seed(seed)
    noisy = {
        name: weight.float()
        * (1 + size * torch.randn(weight.shape, generator=generator, dtype=torch.float32))
        for name, weight in weights.items()
    }
    model.load_state_dict(noisy, strict=False)


def make_noisy_copy(folder: Path, target: Path, seed: int) -> float:
    """Write a copy of a checkpoint with noise on its weights, and return how far that moves it.

    What is returned is the largest change of a probability over PROMPTS; it is close to MOVE.
    """
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    prompt_ids = [tokenizer(prompt, return_tensors="pt").input_ids for prompt in PROMPTS]
    weights = load_file(folder / "model.safetensors")
    before = distributions(model, prompt_ids)
    size, moved = 1e-6, 0.0
    for _ in range(3):  # the change is nearly proportional to the noise
        add_noise(model, weights, size, seed)
        moved = float((distributions(model, prompt_ids) - before).abs().max())
        if 0.8 * MOVE < moved < 1.25 * MOVE:
            break
        size *= MOVE / moved
    print(f"seed {seed}: weights times 1 ± {size:.1e} moves probabilities by up to {moved:.1e}")
    shutil.copytree(folder, target, ignore=shutil.ignore_patterns("*.safetensors", "manifest.json"))
    state = model.state_dict()
    noisy = {name: state[name].contiguous() for name in weights}
    save_file(noisy, target / "model.safetensors", {"format": "pt"})
    return moved


def main(arguments: list[str] | None = None) -> int:
    """Run the lessons on noisy copies of the model; return 1 where an output changes."""
    parser = argparse.ArgumentParser(prog="python -m tools.edges", description=__doc__)
    parser.add_argument("notebooks", nargs="*", type=Path, metavar="NOTEBOOK")
    parser.add_argument("--seeds", type=int, default=2, help="how many noisy copies to try")
    options = parser.parse_args(arguments)
    lessons = options.notebooks or LESSONS
    changed = 0
    for seed in range(options.seeds):
        with tempfile.TemporaryDirectory() as temporary:
            target = Path(temporary) / "noisy"
            make_noisy_copy(Path(lesson_checkpoint()), target, seed)
            noise = NOISE_ON_OURS.replace("SEED", str(seed))
            (Path(temporary) / "sitecustomize.py").write_text(noise, encoding="utf-8")
            changes = {
                "MYGPT_CHECKPOINT": str(target),
                "PYTHONPATH": os.pathsep.join([temporary, str(ROOT)]),
            }
            cells = compare([p.resolve() for p in lessons], changes)
        for cell in cells:
            if cell.failure:
                changed += 1
                print(f"{cell.notebook}, cell {cell.number}: {cell.failure}", flush=True)
    print(f"{changed} compared outputs changed")
    return 1 if changed else 0


if __name__ == "__main__":
    sys.exit(main())
