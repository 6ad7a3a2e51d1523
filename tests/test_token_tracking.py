"""A selected token is touched in whichever call computes it: every way to generate gives the same text.

Each way is compared with an edit by hand: no cache, no padding arithmetic of the library's, a loop over rows
and columns of the whole text.
"""

import gc
import weakref

import pytest
import torch
import transformers

from tests.tiny_families import D_MODEL, LAYERS, VOCAB, build, build_gemma3_vision, hooks_on
from tutorial_lib import (
    add_hooks,
    add_vector_to_residual_stream,
    edit_residual_stream,
    find_blocks,
    load_model,
    select_all,
    select_at,
    select_generated,
    select_last,
    select_mask,
    select_prompt,
    select_rows,
)

NEW = 6
V5 = transformers.__version__ >= "5"


def build_any(name, seed=0):
    """A model whose next token depends on what it has read, as that of a fresh random one does not."""
    if name == "box":
        return load_model()[0]
    if name in ("mamba", "rwkv"):
        config = {"mamba": transformers.MambaConfig, "rwkv": transformers.RwkvConfig}[name]
        sizes = {"vocab_size": VOCAB, "hidden_size": D_MODEL, "num_hidden_layers": LAYERS}
        settings = config(**sizes, bos_token_id=0, eos_token_id=1, pad_token_id=2)
        torch.manual_seed(0)
        model = transformers.AutoModelForCausalLM.from_config(settings).eval()
    else:
        model = build(name)
    generator = torch.Generator().manual_seed(seed + 1)
    with torch.no_grad():
        for parameter in find_blocks(model).parameters():
            if parameter.ndim == 2:
                parameter.add_(torch.randn(parameter.shape, generator=generator) / parameter.shape[-1] ** 0.5)
    return model


MODELS = {name: build_any(name) for name in ("box", "gpt2", "qwen2", "gemma3", "falcon", "bloom", "mamba")}
every_model = pytest.mark.parametrize("name", MODELS)
attention_models = pytest.mark.parametrize("name", [name for name in MODELS if name != "mamba"])

IDS = torch.randint(5, 60, (2, 9), generator=torch.Generator().manual_seed(3))
LEFT = {"input_ids": IDS.clone(), "attention_mask": torch.ones_like(IDS)}
LEFT["input_ids"][0, :3], LEFT["attention_mask"][0, :3] = 2, 0
FIRST, SEQ = (3, 0), 9  # the first real column of each row, and the number of columns


def vector_for(model):
    return 4 * torch.randn(model.config.hidden_size, generator=torch.Generator().manual_seed(5))


# A selection of LEFT, and the same in other words: is the token of this row and column of the text touched?
CASES = {
    "all": (select_all, lambda row, column: True),
    "prompt": (select_prompt, lambda row, column: column < SEQ),
    "generated": (select_generated, lambda row, column: column >= SEQ),
    "generated 1 and 2": (
        lambda batch: select_generated(batch, slice(1, 3)),
        lambda row, column: column in (SEQ + 1, SEQ + 2),
    ),
    "generated from 1 on, and the last of the prompt": (
        lambda batch: select_generated(batch, slice(1, None), with_last_prompt_token=True),
        lambda row, column: column == SEQ - 1 or column > SEQ,
    ),
    "last": (select_last, lambda row, column: column == SEQ - 1),
    "first and last but one": (
        lambda batch: select_at(batch, [0, -2]),
        lambda row, column: column in (FIRST[row], SEQ - 2),
    ),
    "by row": (
        lambda batch: select_at(batch, [[1, 4], [0, -1]]),
        lambda row, column: column in ((4, 7), (0, 8))[row],
    ),
    "one row": (lambda batch: select_rows(batch, 1), lambda row, column: row == 1),
    "mask": (
        lambda batch: select_mask(batch, batch["input_ids"] % 2 == 0),
        lambda row, column: column < SEQ and int(LEFT["input_ids"][row, column]) % 2 == 0,
    ),
    "all but the last": (lambda batch: ~select_last(batch), lambda row, column: column != SEQ - 1),
}
every_case = pytest.mark.parametrize("case", CASES)
some_cases = pytest.mark.parametrize(
    "case", ["prompt", "generated from 1 on, and the last of the prompt", "by row", "one row"]
)


def generate(model, hooks=(), batch=None, **settings):
    """The new tokens of every row, and their scores `[steps, rows, vocab]` where there are some."""
    batch = LEFT if batch is None else batch
    more = {"max_new_tokens": NEW, "min_new_tokens": NEW, "do_sample": False, "pad_token_id": 2}
    more |= {"return_dict_in_generate": True, "output_scores": True, **settings}
    with add_hooks(hooks):
        output = model.generate(**batch, **more)
    assert hooks_on(model) == []
    return output.sequences[:, batch["input_ids"].shape[1] :], torch.stack(output.scores)


def by_hand(model, layer, vector, spec, n_prompts=2):
    """The pair of a hook for generation without a cache, where each call has the whole text."""

    def add(module, args):
        stream = args[0].clone()
        copies = len(stream) // n_prompts
        for row in range(len(stream)):
            for column in range(stream.shape[1]):
                if spec(row // copies, column) and column >= (FIRST[row // copies] if n_prompts == 2 else 0):
                    stream[row, column] += vector
        return (stream, *args[1:])

    return [(find_blocks(model)[layer], add)]


def same(one, other, atol=2e-3):
    assert torch.equal(one[0], other[0])
    finite = torch.isfinite(one[1])
    assert torch.equal(finite, torch.isfinite(other[1]))
    assert torch.allclose(one[1][finite], other[1][finite], atol=atol)


@every_case
@every_model
def test_with_a_cache_without_and_in_chunks_the_same_tokens_are_touched(name, case):
    model, (make, spec) = MODELS[name], CASES[case]
    vector = vector_for(model)
    hooks = add_vector_to_residual_stream(model, 1, vector, make(LEFT))
    right = generate(model, by_hand(model, 1, vector, spec), use_cache=False)
    assert not torch.equal(right[0], generate(model)[0])  # a miss would show
    same(generate(model, hooks, use_cache=False), right)
    same(generate(model, hooks), right)
    if name == "mamba":
        return  # has no chunks
    for size in (1, 4, 5):
        same(generate(model, hooks, prefill_chunk_size=size), right)


@some_cases
@every_model
def test_a_static_cache_gives_what_a_growing_one_gives(name, case):
    model, (make, spec) = MODELS[name], CASES[case]
    vector = vector_for(model)
    hooks = add_vector_to_residual_stream(model, 1, vector, make(LEFT))
    right = generate(model, by_hand(model, 1, vector, spec), use_cache=False)
    same(generate(model, hooks, cache_implementation="static"), right)


@pytest.mark.parametrize("returned", [1, 3])
@some_cases
@every_model
def test_beams_get_the_edit_that_a_hand_would_make(name, case, returned):
    model, (make, spec) = MODELS[name], CASES[case]
    vector = vector_for(model)
    settings = {"num_beams": 3, "num_return_sequences": returned}
    right, _ = generate(model, by_hand(model, 1, vector, spec), use_cache=False, **settings)
    hooks = add_vector_to_residual_stream(model, 1, vector, make(LEFT))
    assert len(right) == 2 * returned
    assert not torch.equal(right, generate(model, **settings)[0])
    for cache in (True, False):
        assert torch.equal(generate(model, hooks, use_cache=cache, **settings)[0], right)


@some_cases
@every_model
def test_samples_with_one_seed_are_the_same_with_a_cache_and_without(name, case):
    model, (make, spec) = MODELS[name], CASES[case]
    vector = vector_for(model)
    hooks = add_vector_to_residual_stream(model, 1, vector, make(LEFT))

    def sampled(hooks, cache):
        torch.manual_seed(11)
        settings = {"do_sample": True, "top_k": 0, "num_return_sequences": 3, "temperature": 0.7}
        return generate(model, hooks, use_cache=cache, **settings)[0]

    right = sampled(by_hand(model, 1, vector, spec), False)
    assert len(right) == 6
    assert not torch.equal(right, sampled((), True))
    assert torch.equal(sampled(hooks, True), right)
    assert torch.equal(sampled(hooks, False), right)


# One prompt, as guessing takes no more; it repeats itself, so that there is something to guess from.
ONE = {"input_ids": IDS[1:, :3].repeat(1, 4), "attention_mask": torch.ones(1, 12, dtype=torch.long)}
GUESSED = {
    "prompt": (select_prompt, lambda row, column: column < 12),
    "generated": (select_generated, lambda row, column: column >= 12),
    "generated 1 and 2": (
        lambda batch: select_generated(batch, slice(1, 3)),
        lambda row, column: column in (13, 14),
    ),
    "first and last": (lambda batch: select_at(batch, [0, -1]), lambda row, column: column in (0, 11)),
}


@pytest.mark.parametrize("case", GUESSED)
@attention_models
def test_guessed_tokens_are_touched_as_those_that_are_written_one_by_one(name, case):
    model, (make, spec) = MODELS[name], GUESSED[case]
    vector = vector_for(model)
    selection = make(ONE)
    hooks = add_vector_to_residual_stream(model, 1, vector, selection)
    right = generate(model, by_hand(model, 1, vector, spec, 1), ONE, use_cache=False)[0]
    assert not torch.equal(right, generate(model, batch=ONE)[0])
    assert torch.equal(generate(model, hooks, ONE)[0], right)
    columns = []

    def note(module, args):
        columns.append(args[0].shape[1])

    noted = [*hooks, (find_blocks(model)[1], note)]
    assert torch.equal(generate(model, noted, ONE, prompt_lookup_num_tokens=3)[0], right)
    assert columns[0] > 12  # there was something guessed
    columns.clear()
    assistant = build_any(name, seed=7) if name != "box" else build_any(name)
    found = generate(model, noted, ONE, assistant_model=assistant)[0]
    assert torch.equal(found, right)
    assert max(columns[1:]) > 1
    # An edit in the assistant, of the same class and under the same hooks' code, changes what it guesses only.
    vector_hooks = add_vector_to_residual_stream(assistant, 1, -vector, selection)
    assert torch.equal(generate(model, [*hooks, *vector_hooks], ONE, assistant_model=assistant)[0], right)
    assert hooks_on(assistant) == []


SINGLE = {
    "all": select_all,
    "prompt": select_prompt,
    "generated": select_generated,
    "last": select_last,
    "ints": lambda batch, **more: select_at(batch, [0, -2], **more),
    "steered": lambda batch, **more: select_generated(batch, with_last_prompt_token=True, **more),
}


@pytest.mark.parametrize("make", SINGLE.values(), ids=SINGLE)
@every_model
def test_a_padded_batch_is_edited_as_each_row_alone(name, make):
    """Left padding in `generate`, by tokens and by value."""
    model = MODELS[name]
    vector = vector_for(model)
    together = generate(model, add_vector_to_residual_stream(model, 1, vector, make(LEFT)))
    assert not torch.equal(together[0], generate(model)[0])
    for row, first in enumerate(FIRST):
        alone = {key: value[row : row + 1, first:] for key, value in LEFT.items()}
        hooks = add_vector_to_residual_stream(model, 1, vector, make(alone))
        found = generate(model, hooks, alone)
        same(found, (together[0][row : row + 1], together[1][:, row : row + 1]))


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("make", [SINGLE[k] for k in ("all", "last", "ints")], ids=["all", "last", "ints"])
@every_model
def test_the_logits_of_a_padded_batch_are_those_of_each_row_alone(name, make, side):
    model = MODELS[name]
    vector = vector_for(model)
    ids, mask = LEFT["input_ids"], LEFT["attention_mask"]
    if side == "right":
        ids, mask = torch.stack([ids[0].roll(-3), ids[1]]), torch.stack([mask[0].roll(-3), mask[1]])
    more = {"input_ids": ids, "attention_mask": mask}
    if name not in ("bloom", "mamba"):  # a plain call does not take the padding out of the positions
        more["position_ids"] = (mask.cumsum(-1) - 1).clamp(min=0)
    with (
        torch.no_grad(),
        add_hooks(add_vector_to_residual_stream(model, 1, vector, make(ids, attention_mask=mask))),
    ):
        together = model(**more).logits
    for row in range(2):
        alone = ids[row : row + 1, mask[row] == 1]
        with torch.no_grad():
            plain = model(alone).logits
            with add_hooks(add_vector_to_residual_stream(model, 1, vector, make(alone))):
                found = model(alone).logits
        assert not torch.allclose(found, plain, atol=1e-2)
        assert torch.allclose(together[row, mask[row] == 1], found[0], atol=2e-3)


@attention_models
def test_a_second_turn_on_the_cache_of_the_first_is_a_run_of_the_whole_text(name):
    model = MODELS[name]
    vector = vector_for(model)
    first = {"input_ids": IDS[:1], "attention_mask": torch.ones(1, SEQ, dtype=torch.long)}
    cache = transformers.DynamicCache(config=model.config)
    tokens, _ = generate(
        model,
        add_vector_to_residual_stream(model, 1, vector, select_at(first, 0)),
        first,
        past_key_values=cache,
    )
    text = torch.cat([IDS[:1], tokens, IDS[1:]], dim=1)
    second = {"input_ids": text, "attention_mask": torch.ones_like(text)}
    selection = select_at(second, [0, -3]) | select_generated(second, slice(1, None))
    hooks = add_vector_to_residual_stream(model, 1, vector, selection)
    held = cache.get_seq_length()
    assert held == SEQ + NEW - 1
    again, _ = generate(model, hooks, second, past_key_values=cache)
    right, _ = generate(model, hooks, second, use_cache=False)
    assert torch.equal(again, right)
    assert not torch.equal(right, generate(model, batch=second)[0])


def test_a_loop_of_ones_own_is_followed_by_its_cache():
    model = MODELS["qwen2"]
    vector = vector_for(model)
    hooks = add_vector_to_residual_stream(model, 1, vector, select_at(IDS[:1], [1, 7]))
    with torch.no_grad(), add_hooks(hooks):
        whole = model(IDS[:1]).logits[:, -1]
        output = model(IDS[:1, :5], use_cache=True)
        for columns in (slice(5, 8), slice(8, 9)):
            output = model(IDS[:1, columns], past_key_values=output.past_key_values)
    assert torch.allclose(output.logits[:, -1], whole, atol=1e-3)


def test_edits_with_selections_of_their_own_do_not_disturb_each_other():
    model = MODELS["gpt2"]
    vector = vector_for(model)
    selection = select_generated(LEFT, with_last_prompt_token=True)
    hand = by_hand(model, 0, vector, lambda row, column: column >= SEQ - 1)
    hand += by_hand(model, 2, -2 * vector, lambda row, column: column < SEQ)
    right = generate(model, hand, use_cache=False)
    hooks = add_vector_to_residual_stream(model, 0, vector, selection)
    hooks += edit_residual_stream(model, 2, lambda stream: stream - 2 * vector, select_prompt(LEFT))
    same(generate(model, hooks), right)
