"""Measure the course's model past its context, for lesson 12: `python -m tools.long_text` (20 min).

The loss at each position of long pieces of the lesson's text, far past the 8,192 positions that the
model was trained for. Written to long_text.json beside lesson 13's runs.
"""

from __future__ import annotations

import json
from pathlib import Path

import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM, AutoTokenizer

import mygpt_helpers
from mygpt_helpers import lesson_checkpoint, lesson_text, read_text
from mygpt_helpers.files import write_whole

LENGTH, STEP, PIECES = 14_336, 512, 6
TARGET = Path(mygpt_helpers.__file__).parent / "text_runs" / "long_text.json"


@torch.inference_mode()
def losses(model: torch.nn.Module, ids: torch.Tensor) -> torch.Tensor:
    """Return the loss at each position of ids (T,): (T - 1,), in nats."""
    states = model.model(ids[None], use_cache=False).last_hidden_state[0]  # (T, C)
    parts = []
    for start in range(0, len(ids) - 1, STEP):  # the logits of all positions would be 3 GB
        targets = ids[start + 1 : start + 1 + STEP]
        logits = model.lm_head(states[start : start + len(targets)])  # (STEP, V)
        parts.append(F.cross_entropy(logits, targets, reduction="none"))
    return torch.cat(parts)


def model_and_pieces() -> tuple[torch.nn.Module, list[torch.Tensor]]:
    """Return the course's model, and the ids (LENGTH + 1,) of pieces from all over the text."""
    checkpoint = lesson_checkpoint()
    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    model = AutoModelForCausalLM.from_pretrained(checkpoint, dtype=torch.float32)
    ids = tokenizer(read_text(lesson_text()), return_tensors="pt", verbose=False)["input_ids"][0]
    starts = torch.linspace(0, len(ids) - LENGTH - 1, PIECES).long().tolist()
    return model, [ids[start : start + LENGTH + 1] for start in starts]


def main() -> None:
    """Measure piece after piece, and write the mean."""
    model, pieces = model_and_pieces()
    found = []
    for ids in pieces:
        found.append(losses(model, ids))
        mean = torch.stack(found).mean(dim=0).reshape(-1, STEP).mean(dim=1)  # (LENGTH / STEP,)
        print(f"{len(found)} of {PIECES}:", [round(x, 3) for x in mean.tolist()], flush=True)
    content = {
        "about": f"mean loss over {PIECES} pieces of the lesson's text, {STEP} positions together",
        "model": "SmolLM2-135M-Instruct",
        "context": model.config.max_position_embeddings,
        "positions": [*range(STEP, LENGTH + 1, STEP)],
        "losses": [round(x, 4) for x in mean.tolist()],
    }
    write_whole(TARGET, (json.dumps(content, indent=1) + "\n").encode())


if __name__ == "__main__":
    main()
