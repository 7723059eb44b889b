"""A text that streams into a picture, beside the same text written at once."""

from __future__ import annotations

from statistics import median

from .rows import Row, in_fresh_python, ratio

TOKENS, PAIRS = 48, 7
# As lesson 08 has it. Each turn prints the seconds of both, and those to the first piece.
CODE = f"""
import time
import torch
from concurrent.futures import ThreadPoolExecutor
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig, TextIteratorStreamer
from mygpt_helpers import StreamWidget, lesson_checkpoint
checkpoint = lesson_checkpoint()
tokenizer = AutoTokenizer.from_pretrained(checkpoint)
model = AutoModelForCausalLM.from_pretrained(checkpoint, dtype=torch.float32)
model.generation_config = GenerationConfig(pad_token_id=0)
prompt = "Once upon a time there was"
firsts = []

def write(**more):
    inputs = tokenizer(prompt, return_tensors="pt")
    return model.generate(**inputs, max_new_tokens={TOKENS}, **more)

def stream(prompt, stop):
    streamer = TextIteratorStreamer(tokenizer, skip_prompt=True)
    with ThreadPoolExecutor(1) as pool:
        pool.submit(write, streamer=streamer).add_done_callback(lambda _: streamer.end())
        for piece in streamer:
            firsts.append(time.perf_counter())
            yield piece

live = StreamWidget(stream, prompt=prompt)
for _ in range({PAIRS} + 1):
    start = time.perf_counter()
    ids = write()
    peer = time.perf_counter() - start
    firsts.clear()
    start = time.perf_counter()
    live._clicks += 1
    while live._answer["running"]:
        time.sleep(0.002)
    mine = time.perf_counter() - start
    assert prompt + live._answer["text"] == tokenizer.decode(ids[0]), live._answer
    print(mine, peer, firsts[0] - start)
"""


def streaming() -> list[Row]:
    """Measure tokens a second into a StreamWidget; the first of 8 turns is left out."""
    # On one thread: where cores are shared, two that wait for each other hide what is measured.
    numbers = in_fresh_python(CODE, OMP_NUM_THREADS="1")[3:]
    mine, peer, first = (median(numbers[place::3]) for place in range(3))
    rates = f"{TOKENS / mine:.1f} /s", f"{TOKENS / peer:.1f} /s"
    reached = round(peer / mine, 2) >= 0.9
    name = f"{TOKENS} tokens streamed into a picture (peer: generate without streaming)"
    return [
        Row(name, *rates, ratio(peer, mine), "ratio >= 0.9", reached),
        Row("its first piece", f"{first:.2f} s", target="<= 0.3 s", ok=first <= 0.3),
    ]
