"""Tiny random checkpoints of two other architectures: what a lesson must also run on.

Each has what bites in the real ones. GPT-2: learned positions and no pad token. Qwen3: a model
vocabulary larger than the tokenizer's, tied weights, and a chat template that knows
`enable_thinking`. Both write nonsense; only that the code runs is of interest.
"""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    Qwen3Config,
    Qwen3ForCausalLM,
)

ARCHITECTURES = ("gpt2", "qwen3")
VOCAB_SIZE = 800  # of the tokenizers
UNUSED_ROWS = 64  # of the Qwen3 model, beyond its tokenizer
CHATML = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
THINKING = (
    "{% if add_generation_prompt and enable_thinking is defined and enable_thinking is false %}"
    "<think>\n\n</think>\n\n{% endif %}"
)
# Enough different words for VOCAB_SIZE; the lessons' own come often, and so are one token each.
LESSON_TEXT = """I had some beer from the pub shirt local bar. Hi, how are you doing today? Hi dog.
Hello dog. The capital of France is Paris. Once upon a time there was a little girl. I love AI!
My favourite colour is blue and red and green. What is a language model? Answer in one sentence.
user assistant system You are a helpful assistant. The movie was great and I liked it very much."""
OTHER_TEXT = """People often walk along rivers because moving water sounds calm. Some teachers show
numbers before words, others begin with pictures, maps, stories or music. Every morning thousands
travel between distant cities, carrying letters, bread, tools and questions. Nothing changes faster
than weather near mountains; farmers watch clouds, measure rain, repair fences and wait. Science
grows when someone notices a small difference, writes it down and asks again. Computers compare
patterns, count errors, predict symbols and learn from mistakes. Winter nights are long; children
read by lamplight while older brothers play chess against themselves. Nobody remembers which bridge
was built first, although several names are carved under its arches."""


def make_tokenizer(architecture: str) -> PreTrainedTokenizerFast:
    """Return a byte-level BPE tokenizer with VOCAB_SIZE tokens at most, special ones included."""
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCAB_SIZE,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator([LESSON_TEXT] * 20 + [OTHER_TEXT] * 2, trainer)
    if architecture == "gpt2":
        tokenizer = PreTrainedTokenizerFast(
            tokenizer_object=bpe, bos_token=special[0], eos_token=special[0], unk_token=special[0]
        )
        tokenizer.chat_template = CHATML
    else:
        tokenizer = PreTrainedTokenizerFast(
            tokenizer_object=bpe, eos_token=special[2], pad_token=special[0]
        )
        tokenizer.chat_template = CHATML + THINKING
    return tokenizer


def make_model(architecture: str, tokenizer: PreTrainedTokenizerFast) -> PreTrainedModel:
    """Return a random model with weights large enough for distributions that are not flat."""
    torch.manual_seed(0)
    if architecture == "gpt2":
        config = GPT2Config(
            vocab_size=len(tokenizer),
            n_positions=256,
            n_embd=32,
            n_layer=2,
            n_head=4,
            initializer_range=0.3,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
        )
        return GPT2LMHeadModel(config).eval()
    config = Qwen3Config(
        vocab_size=len(tokenizer) + UNUSED_ROWS,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=8,
        max_position_embeddings=512,
        tie_word_embeddings=True,
        initializer_range=0.3,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return Qwen3ForCausalLM(config).eval()


def make_checkpoint(architecture: str, folder: Path) -> Path:
    """Save a tokenizer and a model of one of ARCHITECTURES into a folder, and return the folder."""
    tokenizer = make_tokenizer(architecture)
    model = make_model(architecture, tokenizer)
    # As Qwen's own settings do: what a lesson must not take for granted.
    if architecture == "qwen3":
        model.generation_config.do_sample = True
        model.generation_config.temperature = 0.6
        model.generation_config.top_k = 20
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
