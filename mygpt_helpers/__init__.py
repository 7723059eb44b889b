"""The helper package of the course "Text generation, one token at a time".

Names are imported when they are first asked for, so that `import mygpt_helpers` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import Any

_HOME = {
    "errors": "CheckpointError PromptError",
    "sampling": (
        "next_token_probs apply_temperature keep_top_k keep_top_p keep_min_p penalize_repetition "
        "ban_repeated_ngrams entropy draw"
    ),
    "gpt": "GPT attention_weights count_parameters start_small",
    "walks": "Part walk",
    "lens": "logit_lens model_attention",
    "corpus": "to_ids to_tokens cycle_corpus get_batch",
    "texts": "read_text split_text",
    "byte_pairs": "BPETokenizer merge_pair",
    "tokenizing": "CharTokenizer WordTokenizer tokenizer_from_json",
    "generation": "generate trace Step prompt_inputs",
    "clinic": "attempt Attempt generation_settings",
    "search": "beam_search Found Node",
    "continuations": "strategies Continuation share_repeated",
    "record": "Record TrainingError bits_per_char warmup_cosine",
    "held_out": "held_out_loss",
    "training": "train",
    "checkpoints": "save_checkpoint load_checkpoint",
    "runs": "Run save_run load_run",
    "cycle_runs": "cycle_gpt cycle_run train_cycle",
    "text_runs": "loss_by_position text_gpt text_run",
    "pretrained.model": "lesson_checkpoint",
    "pretrained.text": "lesson_text",
    "pretrained.health": "health_check",
    "pictures.base": "Picture",
    "pictures.tables": "table visible",
    "pictures.labels": "token_text",
    "pictures.distributions": "Distribution summarize show_distribution",
    "pictures.curves": "show_curves",
    "pictures.grids": "Grid make_grid show_grid",
    "pictures.strips": "Strip show_strip",
    "pictures.trees": "show_tree",
    "widgets.attention": "AttentionWidget",
    "widgets.call": "CallWidget",
    "widgets.cache": "CacheWidget",
    "widgets.cache_calculator": "CacheCalculatorWidget",
    "widgets.distribution": "DistributionWidget",
    "widgets.draw": "DrawWidget",
    "widgets.grids": "GridsWidget",
    "widgets.hand_attention": "HandAttentionWidget",
    "widgets.lens": "LensWidget",
    "widgets.loss": "LossWidget",
    "widgets.merges": "MergesWidget",
    "widgets.order": "OrderWidget",
    "widgets.playground": "PlaygroundWidget",
    "widgets.question": "Choice Question QuestionWidget",
    "widgets.side_by_side": "SideBySideWidget",
    "widgets.rules": "RulesWidget",
    "widgets.steps": "StepsWidget",
    "widgets.stream": "StreamWidget",
    "widgets.strategies": "StrategiesWidget",
    "widgets.streak": "StreakWidget",
    "widgets.strips": "StripsWidget",
    "widgets.trace": "TraceWidget",
    "widgets.tree": "TreeWidget",
    "widgets.walk": "WalkWidget",
    "widgets.likelihood": "LikelihoodWidget",
    "exercises.core": "check hint solution",
    "exercises.questions": "ask",
    "exercises.progress": "progress",
    "exercises.tries": "keep_tries",
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names.split()}

__all__ = sorted(_MODULE_OF)


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the name stands for
    """Import a public name from its module, the first time it is asked for."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'mygpt_helpers' has no attribute {name!r}")
    value = getattr(importlib.import_module(f".{_MODULE_OF[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
