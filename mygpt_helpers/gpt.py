"""A GPT, small enough to read in ten minutes. Built part by part in lesson 10.

Shapes: B texts in a batch, T tokens in a text, V tokens in the vocabulary, C entries in a token's
vector (embed_dim), H heads, D = C / H entries for each head.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .checks import (
    check_ids,
    checked_count,
    checked_model,
    checked_number,
    in_plain_pass,
    shape_of,
)
from .errors import InputError

ONEDNN_FROM = 2**15  # entries of x; below, starting it takes longer than it saves


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return x @ weight.T + bias, as F.linear does: (B, T, in) -> (B, T, out).

    In train, and of a large batch on a CPU, oneDNN computes it: up to twice as fast, the same up to
    rounding.
    """
    if (
        not torch.compiler.is_compiling()  # which has its own ways
        and in_plain_pass()
        and x.device.type == "cpu"
        and x.dtype == weight.dtype == torch.float32
        and x.ndim == 3
        and x.numel() >= ONEDNN_FROM
        and torch.backends.mkldnn.is_available()
        and not torch.is_autocast_enabled("cpu")
    ):
        return F.linear(x.to_mkldnn(), weight, bias).to_dense()
    return F.linear(x, weight, bias)


class Linear(nn.Linear):
    """torch's nn.Linear, computed by linear."""

    def forward(self, x: Tensor) -> Tensor:
        """Return x @ weight.T + bias: (..., in) -> (..., out)."""
        return linear(x, self.weight, self.bias)


def attention_weights(q: Tensor, k: Tensor, *, causal: bool = True) -> Tensor:
    """Return how much each position looks at each other one: softmax(q k^T / sqrt(D)).

    q, k: (..., T, D). Returns (..., T, T), each row summing to 1: entry [i, j] is the weight that
    position i gives to position j. With causal, no position looks at a later one. Raises ValueError
    for q and k that are no tensors, or of different shapes or dtypes. Built in lesson 10. Source:
    Vaswani et al. 2017, sec. 3.2.1.
    """
    given = [shape_of(x) for x in (q, k)]
    if not (isinstance(q, Tensor) and isinstance(k, Tensor)):
        raise InputError(f"q and k must be torch tensors (..., T, D), got {' and '.join(given)}.")
    if q.ndim < 2 or q.shape != k.shape or q.shape[-1] == 0:
        raise InputError(
            "q and k must have the same shape (..., T, D), D at least 1; "
            f"got {' and '.join(given)}."
        )
    if q.dtype != k.dtype or q.is_complex():
        raise InputError(f"q and k must be real, of one dtype; got {q.dtype} and {k.dtype}.")
    T, D = q.shape[-2:]
    scores = q @ k.transpose(-2, -1) / math.sqrt(D)  # (..., T, T)
    if causal:
        later = torch.ones(T, T, dtype=torch.bool, device=q.device).triu(diagonal=1)  # (T, T)
        scores = scores.masked_fill(later, -math.inf)
    return scores.softmax(dim=-1)


class SelfAttention(nn.Module):
    """Several heads, each a causal attention of its own on D of the C entries.

    Takes and returns (B, T, C). Built in lesson 10. Source: Vaswani et al. 2017, sec. 3.2.2.
    """

    def __init__(self, embed_dim: int, num_heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.head_dim, self.dropout = embed_dim // num_heads, dropout
        self.query = Linear(embed_dim, embed_dim, bias=False)
        self.key = Linear(embed_dim, embed_dim, bias=False)
        self.value = Linear(embed_dim, embed_dim, bias=False)
        self.output = Linear(embed_dim, embed_dim, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return what the heads gather at each position, mixed: (B, T, C) -> (B, T, C)."""
        # query(x), key(x) and value(x) in one matrix product: faster than three small ones.
        weights = torch.cat([self.query.weight, self.key.weight, self.value.weight])  # (3C, C)
        parts = linear(x, weights).chunk(3, dim=-1)  # (B, T, C) each
        q, k, v = (self.split(part) for part in parts)  # (B, H, T, D) each
        # The same numbers as attention_weights(q, k) @ v, up to rounding, without keeping
        # (B, H, T, T) in memory.
        share = self.dropout if self.training else 0.0
        heads = F.scaled_dot_product_attention(q, k, v, dropout_p=share, is_causal=True)
        joined = heads.transpose(1, 2).flatten(2)  # (B, H, T, D) -> (B, T, H, D) -> (B, T, C)
        return torch.dropout(self.output(joined), self.dropout, self.training)

    def split(self, x: Tensor) -> Tensor:
        """Give each head its D entries of every vector: (B, T, H * D) -> (B, H, T, D)."""
        B, T, _ = x.shape
        return x.view(B, T, -1, self.head_dim).transpose(1, 2)

    def weights(self, x: Tensor) -> Tensor:
        """Return the attention weights that forward uses on x (B, T, C): (B, H, T, T)."""
        return attention_weights(self.split(self.query(x)), self.split(self.key(x)))


class MLP(nn.Module):
    """Two linear layers with a GELU between, four times as wide inside; every position by itself.

    Takes and returns (..., T, C). Built in lesson 10. Source: Vaswani et al. 2017, sec. 3.3; GELU:
    Hendrycks and Gimpel 2016.
    """

    def __init__(self, embed_dim: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.dropout = dropout
        self.widen = Linear(embed_dim, 4 * embed_dim)
        self.narrow = Linear(4 * embed_dim, embed_dim)

    def forward(self, x: Tensor) -> Tensor:
        """Return the MLP's answer at each position: (..., T, C) -> (..., T, C)."""
        inside = F.gelu(self.widen(x))  # (..., T, 4C)
        return torch.dropout(self.narrow(inside), self.dropout, self.training)


class Block(nn.Module):
    """One layer: attention, then the MLP; each reads a normalised x and adds its result to x.

    Takes and returns (B, T, C). Built in lesson 10. Source of the pre-norm order: Radford et al.
    2019, sec. 2.3.
    """

    def __init__(self, embed_dim: int, num_heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(embed_dim)
        self.attention = SelfAttention(embed_dim, num_heads, dropout)
        self.mlp_norm = nn.LayerNorm(embed_dim)
        self.mlp = MLP(embed_dim, dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Return x with both parts' results added: (B, T, C) -> (B, T, C)."""
        x = x + self.attention(self.attention_norm(x))  # (B, T, C)
        return x + self.mlp(self.mlp_norm(x))  # (B, T, C)


class GPT(nn.Module):
    """A decoder-only transformer: ids (B, T) in, logits (B, T, V) out.

    Every part starts from torch's own initialisation, in the order it is created here; the head is
    the token embedding once more (tied). max_seq_len is the context: the most tokens it takes.
    Raises ValueError for sizes that do not fit together. Built in lesson 10. Source: Radford et al.
    2019 (GPT-2), sec. 2.3, with separate query, key and value layers and no bias in attention.
    """

    def __init__(
        self,
        vocab_size: int,
        embed_dim: int,
        num_heads: int,
        num_layers: int,
        max_seq_len: int = 64,
        dropout: float = 0.0,
    ) -> None:
        """Take the five sizes, and the share of entries that dropout sets to 0 in training.

        Which ones is up to chance; the rest is scaled up. Source: Srivastava et al. 2014.
        """
        super().__init__()
        self.config = _checked_config(
            vocab_size=vocab_size,
            embed_dim=embed_dim,
            num_heads=num_heads,
            num_layers=num_layers,
            max_seq_len=max_seq_len,
            dropout=dropout,
        )
        # From here on they are plain numbers.
        vocab_size, embed_dim, num_heads, num_layers, max_seq_len, dropout = self.config.values()
        self.max_seq_len, self.dropout = max_seq_len, dropout
        self.token_embedding = nn.Embedding(vocab_size, embed_dim)
        self.position_embedding = nn.Embedding(max_seq_len, embed_dim)
        self.blocks = nn.ModuleList(Block(embed_dim, num_heads, dropout) for _ in range(num_layers))
        self.final_norm = nn.LayerNorm(embed_dim)

    def forward(self, ids: Tensor, targets: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """Return logits (B, T, V), and the mean cross entropy to targets (B, T), None without.

        ids, targets: whole numbers from 0 to V - 1. Raises ValueError for any other, for an empty
        input, another shape, and T beyond max_seq_len.
        """
        x = self.embed(ids)  # (B, T, C)
        for block in self.blocks:
            x = block(x)
        logits = linear(self.final_norm(x), self.token_embedding.weight)  # (B, T, V)
        return logits, None if targets is None else self.loss(logits, targets)

    def embed(self, ids: Tensor) -> Tensor:
        """Return what goes into the first block: token plus position, (B, T) -> (B, T, C)."""
        self.check(ids)
        positions = self.position_embedding.weight[: ids.shape[1]]  # (T, C)
        x = self.token_embedding(ids.long()) + positions  # (B, T, C)
        return torch.dropout(x, self.dropout, self.training)

    @staticmethod
    def loss(logits: Tensor, targets: Tensor) -> Tensor:
        """Return the mean cross entropy, in nats, of logits (B, T, V) to targets (B, T)."""
        if not isinstance(targets, Tensor) or targets.shape != logits.shape[:-1]:
            raise InputError(
                f"targets must have the ids' shape {tuple(logits.shape[:-1])}, "
                f"got {shape_of(targets)}."
            )
        check_ids("targets", targets, logits.shape[-1])
        return F.cross_entropy(logits.flatten(0, 1), targets.long().flatten())

    def attention_weights(self, ids: Tensor) -> Tensor:
        """Return every layer's and head's attention weights over ids (B, T): (B, L, H, T, T)."""
        x = self.embed(ids)  # (B, T, C)
        weights = []
        for block in self.blocks:
            weights.append(block.attention.weights(block.attention_norm(x)))  # (B, H, T, T)
            x = block(x)
        return torch.stack(weights, dim=1)

    def check(self, ids: Tensor) -> None:
        """Raise ValueError for ids that this model cannot take."""
        if not isinstance(ids, Tensor) or ids.ndim != 2:
            raise InputError(
                "ids must be a tensor of shape (B, T), a batch of B texts of T tokens; "
                f"got {shape_of(ids)}."
            )
        B, T = ids.shape
        if B == 0 or T == 0:
            raise InputError(
                f"ids must hold at least one text of at least one token, got {shape_of(ids)}."
            )
        if self.max_seq_len < T:
            raise InputError(f"input length T={T} exceeds max_seq_len={self.max_seq_len}")
        check_ids("ids", ids, self.token_embedding.num_embeddings)


def count_parameters(model: nn.Module) -> int:
    """Return how many numbers training can change; a tied tensor counts once. From lesson 10."""
    return sum(p.numel() for p in checked_model(model).parameters())


@torch.no_grad()
def start_small(model: GPT) -> GPT:
    """Make the weights of a new model smaller, in place, and return the model.

    Torch's own start is confidently wrong, since the head is the token embedding (lesson 11). Here
    embeddings begin at a spread of 0.02, as GPT-2's did, and biases at 0. The 2L results that are
    added to x begin at 1 / sqrt(2L) of their size, so that their sum is no larger in a deeper
    model. Used in lesson 13 and by `mygpt train`. Source: Radford et al. 2019, sec. 2.3, and
    GPT-2's code, where all maps begin at 0.02: about torch's own spread at that model's width.
    """
    added = ("attention.output.weight", "mlp.narrow.weight")
    for name, p in model.named_parameters():
        if name.endswith("bias"):
            p.zero_()
        elif "embedding" in name:
            p.mul_(0.02)
        elif name.endswith(added):
            p.div_(math.sqrt(2 * len(model.blocks)))
    return model


def _checked_config(*, dropout: float, **sizes: int) -> dict[str, int | float]:
    """Return the sizes and the dropout as plain numbers, or raise InputError."""
    config: dict[str, int | float] = {n: checked_count(n, size) for n, size in sizes.items()}
    if config["embed_dim"] % config["num_heads"]:
        raise InputError(
            f"embed_dim={config['embed_dim']} cannot be divided by num_heads="
            f"{config['num_heads']}: each head takes an equal share of the entries."
        )
    config["dropout"] = checked_number("dropout", dropout, "a number from 0, below 1")
    if not 0 <= config["dropout"] < 1:
        raise InputError(f"dropout must be at least 0 and below 1, got {dropout!r}.")
    return config
