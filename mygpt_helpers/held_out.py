"""The loss on text that a model does not learn from. Built in lesson 13."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .checks import checked_count
from .corpus import check_data
from .models import mode
from .run_checks import loss_of


@torch.no_grad()
def held_out_loss(
    model: nn.Module, ids: Tensor, seq_len: int, *, pieces: int | None = 128, batch_size: int = 32
) -> float:
    """Return the mean loss of ids (N,), in nats per token, with the model in eval mode.

    pieces: how many pieces of seq_len tokens to read, spread evenly over the ids, always the same
    ones; None for all that do not overlap. Nothing is drawn, and nothing of the model is changed.
    batch_size: how many pieces are read at once. Raises ValueError for ids that are no whole
    numbers or fewer than seq_len + 2, and for a size below 1. Built in lesson 13.
    """
    batch_size, seq_len = check_data(ids, batch_size, seq_len, "held_out")
    last = len(ids) - seq_len - 1  # the last place where a piece and its targets fit
    apart = last // seq_len + 1
    count = apart if pieces is None else min(apart, checked_count("pieces", pieces))
    places = torch.arange(count, device=ids.device)
    starts = places * seq_len if pieces is None else places * last // max(1, count - 1)
    total = torch.zeros((), device=ids.device)
    with mode(model, training=False):
        for part in starts.split(batch_size):  # (B,)
            at = part[:, None] + torch.arange(seq_len, device=ids.device)  # (B, T)
            loss = loss_of(model(ids[at].long(), ids[at + 1].long()))
            total += loss.float() * len(part)
    return total.item() / count
