"""Every exercise: its solution is right, by known numbers too; its mistakes get their sentence."""

import inspect
import math
import warnings

import pytest
import torch
import torch.nn.functional as F
from transformers import (
    NoRepeatNGramLogitsProcessor,
    Qwen3Config,
    Qwen3ForCausalLM,
    RepetitionPenaltyLogitsProcessor,
    TopPLogitsWarper,
)

from mygpt_helpers import (
    GPT,
    beam_search,
    cycle_corpus,
    cycle_run,
    get_batch,
    keep_top_p,
    logit_lens,
    share_repeated,
)
from mygpt_helpers import draw as package_draw
from mygpt_helpers import generate as package_generate
from mygpt_helpers.exercises import core
from mygpt_helpers.exercises.core import evaluate, exercises, hint, lessons, solution
from tests.tiny import make_model, make_tokenizer

ALL = [exercise for lesson in lessons() for exercise in exercises(lesson)]
SOLUTION = {exercise.name: exercise.solution for exercise in ALL}
each = pytest.mark.parametrize("exercise", ALL, ids=lambda exercise: exercise.name)
MISTAKES = [
    pytest.param(exercise, function, sentence, id=f"{exercise.name}-{number}-{place}")
    for exercise in ALL
    for number, (sentence, functions) in enumerate(exercise.mistakes.items())
    for place, function in enumerate(functions if isinstance(functions, tuple) else [functions])
]


def test_the_exercises_of_all_lessons_are_there():
    assert [exercise.name for exercise in ALL] == [
        "00.pick_largest", "00.loop",
        "01.next_id", "01.softmax", "01.phrase",
        "02.loop", "02.rule", "02.stream",
        "03.draw", "03.gap", "03.slip", "03.mix",
        "04.temperature", "04.find_temperature", "04.from_probs", "04.zero",
        "05.top_k", "05.exactly_k", "05.needed",
        "06.nucleus", "06.penalty", "06.ngrams", "06.order",
        "07.best_pair", "07.beam_step", "07.best_text", "07.repeated",
        "08.neutral", "08.pad_left", "08.ten_calls",
        "09.memory", "09.loop", "09.reuse",
        "10.attention", "10.split_heads", "10.block",
        "11.batch", "11.cross_entropy", "11.step",
        "12.first_wrong", "12.crop", "12.generate",
        "13.encode", "13.merge", "13.bits_per_char",
        "14.surprise", "14.lens", "14.induction",
    ]  # fmt: skip


@each
def test_the_solution_is_right(exercise):
    outcome = evaluate(exercise.name, exercise.solution)
    assert outcome.status == "right", outcome.message
    assert outcome.message.startswith("✔ right: ")


@each
def test_the_printed_solution_is_right_too(exercise, capsys):
    solution(exercise.name)
    source, _, why = capsys.readouterr().out.rpartition("\nWhy: ")
    space = {}
    exec(source, space)  # as a learner would paste it into an empty notebook
    assert evaluate(exercise.name, space[exercise.solution.__name__]).status == "right"
    assert inspect.getsource(exercise.solution) in source and why.strip()


@pytest.mark.parametrize("exercise, function, sentence", MISTAKES)
def test_each_mistake_is_told_its_own_sentence(exercise, function, sentence):
    outcome = evaluate(exercise.name, function)
    assert outcome.status in ("wrong", "raised"), outcome.message
    assert sentence in " ".join(outcome.message.split()), outcome.message
    lines = outcome.message.splitlines()
    assert len(lines) <= 10 and max(map(len, lines)) < 100


@each
def test_an_answer_is_told_the_same_each_time(exercise):
    first = next(iter(exercise.mistakes.values()))
    answer = first[0] if isinstance(first, tuple) else first
    assert evaluate(exercise.name, answer) == evaluate(exercise.name, answer)


@each
def test_each_exercise_is_whole(exercise):
    assert 2 <= len(exercise.mistakes) <= 12
    assert exercise.difficulty in (1, 2, 3) and 1 <= exercise.minutes <= 20
    assert 2 <= len(exercise.hints) <= 3
    for text in (exercise.why, *exercise.hints, *exercise.mistakes):
        assert text.endswith((".", "?")), text
    assert exercise.title and exercise.solution.__doc__
    assert len(inspect.getsource(exercise.solution).splitlines()) <= 20


@each
def test_a_stub_left_alone_is_not_tried_yet(exercise):
    def not_implemented(*args):
        raise NotImplementedError

    def with_message(*args):
        raise NotImplementedError("write this")

    for stub in (None, ..., lambda *args: None, lambda *args: ..., not_implemented, with_message):
        outcome = evaluate(exercise.name, stub)
        assert outcome.status == "not tried", outcome.message
        assert outcome.message.startswith("– not tried yet: ")


@each
def test_any_result_gets_one_short_message(exercise):
    results = [3, 2.5, True, "text", [], {}, object(), float("nan"), 10**5000]
    results += [torch.ones(3, dtype=torch.bool), torch.full((2, 2), float("nan")), torch.zeros(0)]
    results += [torch.ones(2, dtype=torch.complex64), torch.eye(3).to_sparse()]
    results += [torch.empty(2, device="meta"), torch.ones(2, requires_grad=True)]
    for result in results:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            outcome = evaluate(exercise.name, lambda *args, result=result: result)
        assert outcome.status == "wrong", outcome.message
        lines = outcome.message.splitlines()
        assert len(lines) <= 9 and max(map(len, lines)) < 100
        assert " at 0x" not in outcome.message


@each
def test_the_first_case_has_something_to_choose_from(exercise):
    def failing(*args):
        raise KeyError("first")

    message = evaluate(exercise.name, failing).message
    lists = ("02.stream", "06.ngrams", "07.best_text", "07.repeated", "09.memory")
    plain = exercise.name[:2] in ("00", "08", "13") or exercise.name in lists
    assert "tensor([" in message or plain
    assert " of shape (1,)" not in message and "scores: [3.5]" not in message


@each
def test_hints_and_solutions_fit_the_line(exercise, capsys, monkeypatch):
    monkeypatch.setattr(core, "_hints_given", {})
    for _ in exercise.hints:
        hint(exercise.name)
    solution(exercise.name)
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 100


@pytest.mark.parametrize("set_default, to, back", [
    (torch.set_default_device, "meta", None),
    (torch.set_default_dtype, torch.float64, torch.float32),
])  # fmt: skip
def test_torchs_defaults_do_not_matter(set_default, to, back):
    set_default(to)
    try:
        for name, answer in SOLUTION.items():
            assert evaluate(name, answer).status == "right", name
    finally:
        set_default(back)


def test_gradients_switched_off_in_the_notebook_do_not_matter():
    with torch.no_grad():
        assert evaluate("11.step", SOLUTION["11.step"]).status == "right"
        assert not torch.is_grad_enabled()


# --- what is compared with is right, by numbers worked out elsewhere ------------------------------


def test_the_solutions_of_lessons_00_and_01_give_known_numbers():
    toy = torch.tensor([2.0, 1.0, 0.0])
    assert SOLUTION["00.pick_largest"]([-2, -1, -1]) == 1
    assert SOLUTION["00.loop"](lambda text: sum(text), [1, 2], 3) == [1, 2, 3, 6, 12]
    assert SOLUTION["01.softmax"](toy).tolist() == pytest.approx([0.665, 0.245, 0.090], abs=6e-4)
    assert SOLUTION["01.softmax"](torch.tensor([1000.0, 0.0])).tolist() == [1, 0]
    ids, rows = torch.tensor([0, 1, 2]), torch.stack([toy, toy, toy])
    for prompt_ids in ([0], [0, 2], [0, 0, 0, 0]):  # the phrase takes the prompt's last token along
        phrase = SOLUTION["01.phrase"](rows, ids, torch.tensor(prompt_ids))
        assert phrase.item() == pytest.approx(-1.4076 - 2.4076, abs=1e-3)
    for prompt_ids in ([0, 1, 2], [0, 1, 2, 0], [1, 1], []):
        with pytest.raises(ValueError, match="share"):
            SOLUTION["01.phrase"](rows, ids, torch.tensor(prompt_ids))
    scores = torch.tensor([[[9.0, 1, 2], [1, 3, 2]], [[9, 1, 2], [1, 2, 3]]])
    assert SOLUTION["01.next_id"](scores).tolist() == [1, 2]


def test_the_solutions_of_lesson_03_give_known_numbers():
    four = torch.tensor([0.5, 0.25, 0.125, 0.125])
    for u, token_id in [(0, 0), (0.4999, 0), (0.5, 1), (0.75, 2), (0.87, 2), (0.875, 3), (0.99, 3)]:
        assert SOLUTION["03.draw"](four, u) == token_id == package_draw(four, u)
    assert SOLUTION["03.draw"](torch.tensor([0.0, 1.0, 0.0]), 0.0) == 1
    ids = torch.tensor([0, 0, 1, 1, 1, 0, 0, 1])
    assert SOLUTION["03.gap"](ids, four) == pytest.approx(0.25)
    assert SOLUTION["03.slip"](torch.tensor([0.5, 0.9])) == pytest.approx(0.55)
    assert SOLUTION["03.slip"](torch.full((100,), 0.99)) == pytest.approx(1 - 0.36603, abs=1e-4)
    mixed = SOLUTION["03.mix"](torch.tensor([2.0, 1.0, 0.0]), 0.5)
    assert mixed.tolist() == pytest.approx([0.8326, 0.1224, 0.0450], abs=1e-4)


def test_the_solutions_of_lesson_04_give_the_worked_table():
    toy = torch.tensor([2.0, 1.0, 0.0])
    table = {
        1.0: (0.665, 0.245, 0.090),
        0.5: (0.867, 0.117, 0.016),
        2.0: (0.506, 0.307, 0.186),
        100.0: (0.337, 0.333, 0.330),
    }
    for temperature, row in table.items():
        near = pytest.approx(row, abs=6e-4)
        assert SOLUTION["04.temperature"](toy, temperature).tolist() == near
        assert SOLUTION["04.zero"](toy, temperature).tolist() == near
        probs = torch.tensor(table[1.0])
        assert SOLUTION["04.from_probs"](probs, temperature).tolist() == pytest.approx(
            row, abs=2e-3
        )
    assert SOLUTION["04.find_temperature"](toy, 0.867) == pytest.approx(0.5, abs=0.01)
    assert SOLUTION["04.zero"](torch.tensor([1.0, 3, 3]), 0).tolist() == [0, 1, 0]
    with pytest.raises(ValueError, match="expected 0 or above"):
        SOLUTION["04.zero"](toy, -1)


def test_the_solutions_of_lesson_05_give_known_numbers():
    tied, low = torch.tensor([1.0, 3.0, 2.0, 2.0]), -math.inf
    kept = SOLUTION["05.top_k"]
    assert kept(tied, 1).tolist() == [low, 3, low, low]
    assert kept(tied, 2).tolist() == kept(tied, 3).tolist() == [low, 3, 2, 2]
    assert kept(tied, 4).tolist() == kept(tied, 9).tolist() == tied.tolist()
    assert kept(torch.stack([tied, -tied]), 1)[1].tolist() == [-1, low, low, low]
    exactly = SOLUTION["05.exactly_k"]
    assert exactly(tied, 2).tolist() == pytest.approx([0, 0.7311, 0.2689, 0], abs=1e-4)
    assert exactly(torch.zeros(5), 3).tolist() == pytest.approx([1 / 3] * 3 + [0, 0])
    assert exactly(torch.tensor([low, 0.0]), 2).tolist() == [0, 1]
    probs = torch.tensor([0.125, 0.5, 0.125, 0.25])
    masses = {0.4: 1, 0.5: 1, 0.51: 2, 0.75: 2, 0.8: 3, 0.9: 4}
    assert [SOLUTION["05.needed"](probs, mass) for mass in masses] == [*masses.values()]


def test_the_solutions_of_lesson_09_give_known_numbers():
    assert SOLUTION["09.memory"](30, 3, 64, 4, 8192, 1) == 377_487_360
    assert SOLUTION["09.memory"](32, 8, 128, 2, 1, 1) == 131_072
    config = Qwen3Config(
        vocab_size=9, hidden_size=8, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1, head_dim=4, intermediate_size=8,
    )  # fmt: skip
    model, ids = Qwen3ForCausalLM(config).eval(), torch.tensor([[1, 2, 3]])
    cache = model(ids, use_cache=True).past_key_values
    held = sum(layer.keys.nbytes + layer.values.nbytes for layer in cache.layers)
    assert SOLUTION["09.memory"](2, 1, 4, 4, 3, 1) == held
    greedy = {"max_new_tokens": 6, "do_sample": False, "eos_token_id": None, "pad_token_id": 0}
    text = model.generate(ids, attention_mask=torch.ones_like(ids), **greedy)
    assert SOLUTION["09.loop"](model, ids, 6).tolist() == text.tolist()
    reuse = SOLUTION["09.reuse"]
    assert reuse(torch.tensor([1, 2, 3]), torch.tensor([1, 2, 4, 5])) == 2
    assert reuse(ids[0], ids[0]) == 2 and reuse(ids[0], torch.tensor([1])) == 0


def test_the_solutions_of_lesson_06_are_the_librarys_own():
    probs = torch.tensor([0.05, 0.5, 0.3, 0.15])
    for top_p, kept in [(0.4, [1]), (0.75, [1, 2]), (0.81, [1, 2, 3]), (1.0, [0, 1, 2, 3])]:
        after = SOLUTION["06.nucleus"](probs.log(), top_p)
        assert after.isfinite().nonzero().flatten().tolist() == kept
    exact = torch.tensor([[0.25, 0.125, 0.5, 0.125]])  # a sum that equals top_p reaches it
    assert torch.equal(exact.log().softmax(-1), exact)
    for top_p, count in [(0.5, 1), (0.75, 2), (0.875, 3)]:
        for rule in (SOLUTION["06.nucleus"], keep_top_p):
            assert rule(exact.log(), top_p).isfinite().sum() == count
        assert TopPLogitsWarper(top_p)(None, exact.log()).isfinite().sum() == count
    logits = torch.randn(4, 300, generator=torch.Generator().manual_seed(0)) * 2
    ids = torch.tensor([[1, 2, 3, 1, 2], [4, 4, 4, 4, 4], [5, 6, 5, 6, 5], [7, 8, 9, 10, 11]])
    for top_p in (0.1, 0.5, 0.9, 0.99):
        after = SOLUTION["06.nucleus"](logits, top_p)
        assert torch.equal(after, TopPLogitsWarper(top_p)(ids, logits))
        assert torch.equal(after, keep_top_p(logits, top_p))
    assert SOLUTION["06.penalty"](torch.tensor([2.0, -2, 1]), [0, 1], 2.0).tolist() == [1, -4, 1]
    for row, used in zip(logits, ids, strict=True):
        after = SOLUTION["06.penalty"](row, used.tolist(), 1.3)
        assert torch.equal(after, RepetitionPenaltyLogitsProcessor(1.3)(used[None], row[None])[0])
        for n in (1, 2, 3, 6):
            after = NoRepeatNGramLogitsProcessor(n)(used[None], row[None])[0]
            banned = after.isinf().nonzero().flatten().tolist()
            assert SOLUTION["06.ngrams"](used.tolist(), n) == banned
    assert SOLUTION["06.ngrams"]([1, 2, 3, 1, 2], 3) == [3]
    assert SOLUTION["06.order"](probs.log(), 2.0, 0.75) == 1
    assert SOLUTION["06.order"](probs.log(), 1.0, 0.75) == 0


def test_the_solutions_of_lesson_07_give_known_numbers():
    first, second = torch.tensor([0.6, 0.4]), torch.tensor([[0.5, 0.5], [0.2, 0.8]])
    assert SOLUTION["07.best_pair"](first, second) == (1, 1)
    assert SOLUTION["07.best_pair"](torch.tensor([0.7, 0.3]), second) == (0, 0)
    scores, log_probs = torch.tensor([-1.0, -2]), torch.tensor([[-3.0, -0.5], [-0.25, -4]])
    came = [x.tolist() for x in SOLUTION["07.beam_step"](scores, log_probs, 3)]
    assert came == [[0, 1, 0], [1, 0, 0], [-1.5, -2.25, -4]]
    best = SOLUTION["07.best_text"]
    assert [best([-2, -3], [2, 4], penalty) for penalty in (0, 1, -1)] == [0, 1, 0]
    texts = {(1, 2, 1, 2): (1, 0.5), (1, 2, 1, 2, 1): (2, 0.5), (1, 2): (3, 0)}
    for ids, (n, share) in texts.items():
        assert SOLUTION["07.repeated"]([*ids], n) == share == share_repeated(ids, n)


def test_a_beam_search_can_be_made_of_the_solutions_steps():
    table = 2 * torch.randn(6, 6, generator=torch.Generator().manual_seed(3))

    class Last(torch.nn.Module):
        def forward(self, ids):
            return table[ids], None

    ids, scores = torch.tensor([[0]]), torch.zeros(1)
    for _ in range(4):
        log_probs = table[ids[:, -1]].log_softmax(-1)
        parents, tokens, scores = SOLUTION["07.beam_step"](scores, log_probs, 3)
        ids = torch.cat([ids[parents], tokens[:, None]], dim=1)
    found = beam_search(Last(), torch.tensor([[0]]), 4, 3)
    assert torch.equal(torch.cat([ids for ids, _ in found.ranked]), ids)
    assert [score for _, score in found.ranked] == pytest.approx(scores.tolist(), abs=1e-5)


def test_the_solutions_of_lesson_08_give_known_numbers():
    library = {"do_sample": False, "temperature": 1.0}
    sets = {"do_sample": True, "temperature": 1.0, "min_p": 0.1, "eos_token_id": 2}
    assert SOLUTION["08.neutral"](sets, library) == {"do_sample": False, "min_p": None}
    ids, mask = SOLUTION["08.pad_left"]([[7, 8, 9], [2]], 2)
    assert ids.tolist() == [[7, 8, 9], [2, 2, 2]] and mask.tolist() == [[1, 1, 1], [0, 0, 1]]
    key = " ".join(SOLUTION["08.ten_calls"](number) for number in range(1, 11))
    assert key == "fine silent warns silent raises silent raises warns silent fine"


def test_the_key_of_the_ten_calls_follows_what_transformers_does(monkeypatch):
    def bad_top_p(self, *args, **kwargs):
        raise ValueError("`top_p` has to be below 1")

    monkeypatch.setattr("transformers.GPT2LMHeadModel.generate", bad_top_p)
    assert SOLUTION["08.ten_calls"](4) == "raises", "the calls are run"


@pytest.mark.parametrize("shape", [(3, 4), (2, 5, 3), (2, 3, 4, 6)])
def test_attention_is_torchs_own(shape):
    q, k, v = torch.randn(3, *shape, generator=torch.Generator().manual_seed(0))
    want = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    assert torch.allclose(SOLUTION["10.attention"](q, k, v), want, atol=1e-5)


def test_heads_are_split_and_a_block_runs_as_the_package_does():
    x = torch.randn(2, 5, 12, generator=torch.Generator().manual_seed(0))
    block = GPT(4, 12, 3, 1).blocks[0]
    assert torch.equal(SOLUTION["10.split_heads"](x, 3), block.attention.split(x))
    parts = block.attention_norm, block.attention, block.mlp_norm, block.mlp
    assert torch.equal(SOLUTION["10.block"](x, *parts), block(x))


def test_a_batch_is_cut_as_get_batch_cuts_it():
    data = torch.randperm(100, generator=torch.Generator().manual_seed(0))
    torch.manual_seed(42)
    want = get_batch(data, 4, 8)
    torch.manual_seed(42)
    starts = torch.randint(0, 100 - 8 - 1, (4,))
    assert all(map(torch.equal, SOLUTION["11.batch"](data, starts, 8), want))


def test_cross_entropy_gives_known_numbers():
    ids = torch.tensor([[0, 1, 2], [3, 0, 1]])
    cross_entropy = SOLUTION["11.cross_entropy"]
    assert cross_entropy(torch.zeros(2, 3, 4), ids).item() == pytest.approx(math.log(4))
    near = cross_entropy(torch.tensor([[[1000.0, -1000.0]]]), torch.tensor([[1]]))
    assert near.item() == 2000
    case = torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(0))
    assert torch.isclose(cross_entropy(case, ids), GPT.loss(case, ids))


def test_a_step_trains_as_the_packages_loop_does():
    from mygpt_helpers import train

    losses = []
    for _ in range(2):
        torch.manual_seed(0)
        model = GPT(vocab_size=4, embed_dim=8, num_heads=2, num_layers=1, max_seq_len=8)
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
        torch.manual_seed(42)
        data, sizes = cycle_corpus(), {"batch_size": 4, "seq_len": 8}
        if losses:
            losses.append(train(model, data, optimizer, steps=5, **sizes).losses)
        else:
            batches = (get_batch(data, 4, 8) for _ in range(5))
            losses.append([SOLUTION["11.step"](model, optimizer, *batch) for batch in batches])
    assert losses[0] == losses[1]


@pytest.mark.parametrize("seq_len, expected", [(8, 9), (16, 17), (32, 34), (64, None)])
def test_the_solutions_of_lesson_12_find_what_the_lesson_says(seq_len, expected):
    model, prompt = cycle_run(seq_len), torch.tensor([[0]])

    @torch.no_grad()
    def next_logits(ids):
        return model(ids)[0][:, -1]

    ids = SOLUTION["12.generate"](next_logits, prompt, 150, model.max_seq_len)
    assert torch.equal(ids, package_generate(model, prompt, 150, top_k=1))
    assert SOLUTION["12.first_wrong"](ids[0]) == expected
    assert torch.equal(SOLUTION["12.crop"](ids, 64), ids[:, 87:])
    assert torch.equal(SOLUTION["12.crop"](prompt, 64), prompt)


# ---- lesson 02 ----


def test_the_loop_writes_what_transformers_writes():
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(vocab_size=20, n_embd=16, n_layer=2, n_head=2, initializer_range=0.6)
    torch.manual_seed(0)
    model, write = GPT2LMHeadModel(config).eval(), SOLUTION["02.loop"]
    for prompt in ([1], [3, 1, 4]):
        ids = torch.tensor([prompt])
        options = {"do_sample": False, "pad_token_id": 0, "max_new_tokens": 8}
        free = model.generate(ids, **options, eos_token_id=None)
        assert write(model, ids, 8, None).tolist() == free.tolist()
        eos = int(free[0, len(prompt) + 2])
        ended = model.generate(ids, **options, eos_token_id=eos)
        assert write(model, ids, 8, eos).tolist() == ended.tolist()
        assert ended.shape[1] <= len(prompt) + 3


def test_the_rule_forbids_the_last_token_alone():
    logits = torch.tensor([1.0, 3.0, 2.0])
    told = [SOLUTION["02.rule"](logits, torch.tensor(ids)) for ids in ([1], [1, 2], [2, 1], [0])]
    assert told == [2, 1, 2, 1] and logits.tolist() == [1, 3, 2]


def test_a_stream_yields_whole_characters_at_once():
    def decode(ids):
        return bytes(ids).decode("utf-8", errors="replace")

    pieces = SOLUTION["02.stream"](decode, iter([*"a😊é".encode()]))
    assert [piece for piece in pieces if piece] == ["a", "😊", "é"]
    assert [*SOLUTION["02.stream"](decode, [*"é".encode()][:1])] == ["\ufffd"]


@pytest.mark.parametrize("scores", [
    lambda model, ids: model(input_ids=ids)["logits"],
    lambda model, ids: model(ids, attention_mask=torch.ones_like(ids))[0],
])  # fmt: skip
def test_the_loops_models_are_called_as_those_of_transformers(scores):
    assert evaluate("02.loop", continued(scores)).status == "right"


def continued(scores, wants_more=lambda given, ids, most: ids.shape[1] < given + most, ends=None):
    """Write the loop as a learner may."""
    ends = ends or (lambda given, ids, eos: ids[0, -1].item() == eos)

    def write_text(model, ids, max_new_tokens, eos_token_id):
        given = ids.shape[1]
        while wants_more(given, ids, max_new_tokens):
            next_id = scores(model, ids)[:, -1:].argmax(dim=-1)
            ids = torch.cat([ids, next_id], dim=1)
            if ends(given, ids, eos_token_id):
                break
        return ids

    return write_text


@pytest.mark.parametrize("slip, says", [
    ({"wants_more": lambda given, ids, most: ids.shape[1] < most}, "counts the new tokens alone"),
    ({"ends": lambda given, ids, eos: eos in ids[0].tolist()}, "only at the token just written"),
    ({"ends": lambda given, ids, eos: False}, "Stop at eos_token_id, once it is written."),
])  # fmt: skip
def test_a_slip_of_the_loop_is_told(slip, says):
    answer = continued(lambda model, ids: model(ids).logits, **slip)
    assert says in " ".join(evaluate("02.loop", answer).message.split())


@pytest.mark.parametrize("next_id", [
    lambda logits: logits.argmax(dim=-1),
    lambda logits: logits.argmax().view(1, 1),
    lambda logits: logits[:, 0].argmax(dim=-1, keepdim=True),
])  # fmt: skip
def test_scores_of_another_position_than_the_last_are_told(next_id):
    def write_text(model, ids, max_new_tokens, eos_token_id):
        for _ in range(max_new_tokens):
            new = next_id(model(ids).logits)
            ids = torch.cat([ids, new], dim=1)
            if eos_token_id is not None and new.item() == eos_token_id:
                break
        return ids

    assert "last position are asked for: logits[:, -1]" in evaluate("02.loop", write_text).message


def test_a_stream_that_stalls_is_told():
    def stream(decode, ids):
        known, shown = [], ""
        for i in ids:
            known.append(i)
            if "\ufffd" not in (text := decode(known)):
                yield text[len(shown) :]
                shown = text
        yield decode(known)[len(shown) :]

    assert "text.endswith, not `in`" in evaluate("02.stream", stream).message


def test_pieces_of_one_id_each_are_told_what_they_lack():
    message = evaluate("02.stream", lambda decode, ids: (decode(i) for i in ids)).message
    assert "decode all ids so far, not one" in message


def test_a_stream_that_prints_is_told_to_yield():
    def stream(decode, ids):
        for i in ids:
            print(decode([i]), end="", flush=True)

    message = evaluate("02.stream", stream).message
    assert "Hand over each piece by `yield`" in message and "`return`" not in message
    assert "Does it have its `yield`?" in evaluate("02.stream", lambda decode, ids: None).message


# ---- lesson 13 ----


def test_what_encode_and_merge_and_bits_per_char_give():
    assert SOLUTION["13.encode"]("abba?", ["<unk>", "a", "b"], "<unk>") == [1, 2, 2, 1, 0]
    assert SOLUTION["13.merge"]([7, 7, 7, 8], (7, 7), 9) == [9, 7, 8]
    bits = SOLUTION["13.bits_per_char"]
    assert bits(math.log(2), 50, 100) == pytest.approx(0.5)
    assert bits(math.log(65), 10, 10) == pytest.approx(math.log2(65))


# ---- lesson 14 ----


def test_the_lens_by_hand_is_logit_lens():
    model = make_model("qwen3", make_tokenizer("qwen3"))
    ids = torch.arange(3, 11)[None]
    states = torch.cat(model(ids, output_hidden_states=True).hidden_states)  # (L + 1, T, C)
    ours = SOLUTION["14.lens"](states, model.model.norm, model.lm_head)
    torch.testing.assert_close(ours, logit_lens(model, ids)[:, -1])


def test_the_scores_of_lesson_14_give_known_numbers():
    n, weights = 5, torch.rand(3, 10, 10, generator=torch.Generator().manual_seed(0))
    twice = torch.tensor([4, 9, 2, 7, 5] * 2)
    by_diagonal = weights.diagonal(1 - n, -2, -1)[..., 1:].mean(-1)  # (H,), as in the lesson
    torch.testing.assert_close(SOLUTION["14.induction"](weights, twice), by_diagonal)
    probs = torch.tensor([[0.1, 0.9], [0.4, 0.6], [0.5, 0.5]])
    assert SOLUTION["14.surprise"](probs.log(), torch.tensor([1, 0, 0])) == 1
    assert SOLUTION["14.surprise"](probs.log(), torch.tensor([0, 1, 0])) == 2
