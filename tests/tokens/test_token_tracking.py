"""A selected token is touched in whichever call computes it: every way to generate gives the same text.

Each way is compared with an edit by hand: no cache, no padding arithmetic of the library's, a loop over rows
and columns of the whole text.
"""

import gc
import threading
import weakref

import pytest
import torch
import transformers

from tests.tiny_families import D_MODEL, LAYERS, VOCAB, build, build_gemma3_vision, hooks_on
from tutorial_lib import (
    ablate_direction_everywhere,
    ablate_direction_from_residual,
    add_hooks,
    add_vector_to_residual_stream,
    cache_residual_streams,
    edit_residual_stream,
    find_blocks,
    get_residual_stream_at_layer,
    load_model,
    patch_residual_stream,
    select_all,
    select_at,
    select_generated,
    select_last,
    select_mask,
    select_prompt,
    select_rows,
)
from tutorial_lib.hooks import wants_kwargs

NEW = 5
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


MODELS = {name: build_any(name) for name in ("box", "gpt2", "qwen2", "gemma3", "falcon", "mamba")}
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
    # Mamba has no chunks, and transformers 4 gives chunks of a padded batch positions that count the padding.
    if name != "mamba" and V5:
        same(generate(model, hooks, prefill_chunk_size=4), right)  # 4, 4 and 1


@every_case
@attention_models
def test_chunks_without_padding_are_touched_as_one_prompt(name, case):
    model, (make, _) = MODELS[name], CASES[case]
    batch = {"input_ids": LEFT["input_ids"], "attention_mask": torch.ones_like(IDS)}
    hooks = add_vector_to_residual_stream(model, 1, vector_for(model), make(batch))
    right = generate(model, hooks, batch, use_cache=False)
    same(generate(model, hooks, batch, prefill_chunk_size=4), right)


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
    assert torch.equal(generate(model, hooks, use_cache=False, **settings)[0], right)
    if name != "mamba" or V5:  # the state of transformers 4 does not follow the beams
        assert torch.equal(generate(model, hooks, **settings)[0], right)


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
    "generated 0 and 1": (
        lambda batch: select_generated(batch, slice(0, 2)),
        lambda row, column: column in (12, 13),
    ),
    "first and last": (lambda batch: select_at(batch, [0, -1]), lambda row, column: column in (0, 11)),
}


@pytest.mark.parametrize("case", GUESSED)
@attention_models
def test_guessed_tokens_are_touched_as_those_that_are_written_one_by_one(name, case):
    model, (make, spec) = MODELS[name], GUESSED[case]
    vector = vector_for(model)
    one = ONE
    if name == "box":  # whatever is no text, it ends at once
        text = "The movie was terrible. The acting was terrible. The movie"
        one = {**ONE, "input_ids": load_model()[1](text, return_tensors="pt").input_ids[:, :12]}
    free = {"batch": one, "min_new_tokens": None, "eos_token_id": 3}  # guessing takes no least length
    selection = make(one)
    hooks = add_vector_to_residual_stream(model, 1, vector, selection)
    right = generate(model, by_hand(model, 1, vector, spec, 1), **free, use_cache=False)[0]
    assert not torch.equal(right, generate(model, **free)[0])
    assert torch.equal(generate(model, hooks, **free)[0], right)
    columns = []

    def note(module, args):
        columns.append(args[0].shape[1])

    noted = [*hooks, (find_blocks(model)[1], note)]
    assert torch.equal(generate(model, noted, **free, prompt_lookup_num_tokens=3)[0], right)
    assert max(columns[1:]) > 1 or columns[0] > 12  # there was something guessed
    columns.clear()
    assistant = build_any(name, seed=7) if name != "box" else build_any(name)
    found = generate(model, noted, **free, assistant_model=assistant)[0]
    assert torch.equal(found, right)
    assert max(columns[1:]) > 1
    # An edit in the assistant, which is of the same class, changes what it guesses and nothing else.
    vector_hooks = add_vector_to_residual_stream(assistant, 1, -vector, selection)
    assert torch.equal(generate(model, [*hooks, *vector_hooks], **free, assistant_model=assistant)[0], right)
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
    if name != "mamba":  # a plain call does not take the padding out of the positions
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


def test_ablation_at_selected_tokens_leaves_the_others_their_direction():
    model = MODELS["qwen2"]
    unit = torch.nn.functional.normalize(vector_for(model), dim=0)
    selection = select_at(LEFT, [[0], [1, -1]])
    with add_hooks(ablate_direction_from_residual(model, unit, positions=selection)):
        streams, _ = cache_residual_streams(model, **LEFT)
    for stream in streams.values():
        along = (stream @ unit).abs()
        assert along[selection.prompt_mask].max() < 1e-5
        assert along[(~selection).prompt_mask].min() > 1e-5


def test_ablation_at_every_write_cleans_selected_tokens_only():
    model = MODELS["qwen2"]
    unit = torch.nn.functional.normalize(vector_for(model), dim=0)
    selection = select_at(LEFT, [[0], [1, -1]])
    with add_hooks(*ablate_direction_everywhere(model, unit, positions=selection)):
        streams, _ = cache_residual_streams(model, **LEFT, after_last_block=True)
    for stream in streams.values():
        along = (stream @ unit).abs()
        assert along[selection.prompt_mask].max() < 1e-5
        assert along[(~selection).prompt_mask].min() > 1e-5


def test_an_edit_gets_the_selected_tokens_row_after_row():
    model, got = MODELS["qwen2"], []
    selection = select_at(LEFT, [[0, -1], [2]])

    def note(tokens):
        got.append(tokens.clone())
        return tokens.zero_()  # a copy, which it may change

    stream = get_residual_stream_at_layer(model, 1, **LEFT)
    with add_hooks(edit_residual_stream(model, 1, note, selection)):
        after = get_residual_stream_at_layer(model, 1, **LEFT)
    assert torch.equal(got[0], stream[selection.prompt_mask])
    expected = stream.clone()
    expected[selection.prompt_mask] = 0
    assert torch.equal(after, expected)
    generate(model, edit_residual_stream(model, 1, note, selection))
    assert [len(tokens) for tokens in got] == [3, 3]  # not called where it has nothing to do


@pytest.mark.parametrize("positions", [-1, [0, 2], slice(1, None), slice(3, 3)])
def test_an_edit_at_positions_within_a_call_gets_tokens_too(positions):
    model, got = MODELS["qwen2"], []
    before = get_residual_stream_at_layer(model, 1, **LEFT)
    index = [positions] if isinstance(positions, int) else positions
    with add_hooks(edit_residual_stream(model, 1, lambda x: (got.append(x.shape), 2 * x)[1], positions)):
        after = get_residual_stream_at_layer(model, 1, **LEFT)
    before[:, index] *= 2
    assert torch.equal(after, before)
    assert got == ([before[:, index].flatten(0, 1).shape] if before[:, index].numel() else [])


@pytest.mark.parametrize(
    "positions", [None, slice(None), select_prompt(IDS)], ids=["whole", "slice", "selected"]
)
def test_an_edit_may_change_what_it_gets_and_changes_nothing_of_the_callers(positions):
    model = MODELS["qwen2"]
    embeds = model.get_input_embeddings()(IDS).detach()
    kept = embeds.clone()
    with add_hooks(edit_residual_stream(model, 0, lambda stream: stream.zero_() + 1, positions)):
        after = get_residual_stream_at_layer(model, 0, None, inputs_embeds=embeds)
    assert torch.equal(embeds, kept)
    assert torch.equal(after, torch.ones_like(embeds))


def test_an_edit_must_be_a_function_that_keeps_the_shape():
    model = MODELS["qwen2"]
    with pytest.raises(TypeError, match="edit must be a function of the stream, got int"):
        edit_residual_stream(model, 1, 3)
    for positions in (None, -1, select_last(LEFT)):
        hooks = edit_residual_stream(model, 1, lambda stream: stream[..., :4], positions)
        with pytest.raises(ValueError, match="edit must return the shape that it got"), add_hooks(hooks):
            model(**LEFT)
    assert hooks_on(model) == []


def test_another_batch_than_the_selection_was_made_for_raises_with_the_first_difference():
    model = MODELS["qwen2"]
    hooks = add_vector_to_residual_stream(model, 1, vector_for(model), select_last(LEFT))
    other = {**LEFT, "input_ids": LEFT["input_ids"].clone()}
    other["input_ids"][1, 7] = 61
    token = int(LEFT["input_ids"][1, 7])
    message = f"another batch: at row 1, column 7 of the text it has token {token}, this call has 61"
    for settings in ({}, {"prefill_chunk_size": 4}, {"use_cache": False}):
        with pytest.raises(ValueError, match=message):
            generate(model, hooks, other, **settings)
        assert hooks_on(model) == []
    with pytest.raises(ValueError, match="row 2, column 7"):
        generate(model, hooks, other, num_beams=2)
    same(
        generate(model, hooks), generate(model, hooks, use_cache=False)
    )  # and goes on as if nothing had been


def test_rows_that_are_no_multiple_of_the_prompts_raise():
    model = MODELS["qwen2"]
    hooks = add_vector_to_residual_stream(model, 1, vector_for(model), select_last(LEFT))
    with pytest.raises(
        ValueError, match="for 2 prompts, but this call has 3 rows, which is no multiple of 2"
    ):
        generate(model, hooks, {key: value[[0, 1, 1]] for key, value in LEFT.items()})
    assert hooks_on(model) == []


def test_a_call_after_a_prompt_that_was_not_seen_raises():
    model = MODELS["qwen2"]
    with torch.no_grad():
        cache = model(torch.cat([IDS, IDS], dim=1), use_cache=True).past_key_values
    hooks = add_vector_to_residual_stream(model, 1, vector_for(model), select_all(IDS))
    message = "starts at column 18, but the selection's prompts have 9 columns, of which none was seen"
    with pytest.raises(ValueError, match=message), add_hooks(hooks):
        model(IDS, past_key_values=cache)
    assert hooks_on(model) == []


def test_a_state_that_does_not_tell_its_length_raises_unless_it_was_followed_from_the_start():
    mamba = MODELS["mamba"]
    hooks = add_vector_to_residual_stream(mamba, 1, vector_for(mamba), select_at(IDS, 0))
    with torch.no_grad():
        used = mamba(IDS, use_cache=True).cache_params
    message = "used before does not tell how many tokens it has seen"
    with pytest.raises(ValueError, match=message), add_hooks(hooks):
        mamba(IDS[:, :1], cache_params=used, cache_position=torch.tensor([9]))
    rwkv = build_any("rwkv")
    hooks = add_vector_to_residual_stream(rwkv, 1, vector_for(rwkv), select_at(IDS, 0))
    batch = {"input_ids": IDS}
    with pytest.raises(ValueError, match=r"in 'state', which does not tell how many.*use_cache=False"):
        generate(rwkv, hooks, batch)
    assert not torch.equal(generate(rwkv, hooks, batch, use_cache=False)[1], generate(rwkv, (), batch)[1])


def test_a_call_without_a_cache_whose_mask_tells_of_more_tokens_raises():
    model = MODELS["qwen2"]
    hooks = add_vector_to_residual_stream(model, 1, vector_for(model), select_all(IDS))
    message = "4 tokens after 0 in its cache, but an attention mask for 9"
    with pytest.raises(ValueError, match=message), add_hooks(hooks):
        model(IDS[:, :4], attention_mask=torch.ones_like(IDS))


def test_the_old_tuples_of_keys_and_values_are_counted():
    model = MODELS["qwen2"]
    ((decoder, find_tokens), (block, edit)) = add_vector_to_residual_stream(
        model, 1, torch.ones(D_MODEL), select_at(IDS, 8)
    )
    keys = torch.zeros(2, 2, 8, 8)
    find_tokens(decoder, (), {"input_ids": IDS[:, 8:], "past_key_values": ((keys, keys),) * LAYERS})
    assert torch.equal(edit(block, (torch.zeros(2, 1, D_MODEL),))[0], torch.ones(2, 1, D_MODEL))
    find_tokens(decoder, (), {"input_ids": IDS[:, 7:8], "past_key_values": ((keys[:, :, :7],) * 2,) * LAYERS})
    assert edit(block, (torch.zeros(2, 1, D_MODEL),)) is None


def test_the_hook_of_a_block_alone_raises():
    model = MODELS["qwen2"]
    pairs = add_vector_to_residual_stream(model, 1, vector_for(model), select_last(LEFT))
    with pytest.raises(RuntimeError, match="needs its partner on the decoder"), add_hooks(pairs[1:]):
        model(**LEFT)
    with add_hooks(pairs):
        model(**LEFT)
        with pytest.raises(ValueError, match=r"2 rows and 9 tokens, but this one has the shape \(2, 4, 32\)"):
            pairs[1][1](pairs[1][0], (torch.zeros(2, 4, D_MODEL),))
        with pytest.raises(ValueError, match="another batch"):
            model(LEFT["input_ids"].flip(0))
    with pytest.raises(RuntimeError, match="needs its partner"):  # nothing is left of the call that failed
        pairs[1][1](pairs[1][0], (torch.zeros(2, 9, D_MODEL),))


def test_an_edit_that_raises_half_way_leaves_the_next_generation_right():
    model = MODELS["qwen2"]
    vector = vector_for(model)
    calls = []

    def fails_once(tokens):
        calls.append(len(tokens))
        if len(calls) == 3:
            raise KeyError("stop")
        return tokens + vector

    hooks = edit_residual_stream(model, 1, fails_once, select_all(LEFT))
    with pytest.raises(KeyError):
        generate(model, hooks)
    assert hooks_on(model) == []
    same(generate(model, hooks), generate(model, add_vector_to_residual_stream(model, 1, vector)))


def test_input_embeddings_are_followed_if_they_are_those_of_the_tokens():
    model = MODELS["qwen2"]
    vector = vector_for(model)
    hooks = add_vector_to_residual_stream(model, 1, vector, select_at(LEFT, [[1, -1], [0]]))
    embeds = model.get_input_embeddings()(LEFT["input_ids"]).detach()
    with torch.no_grad(), add_hooks(hooks):
        right = model(**LEFT).logits
        found = model(inputs_embeds=embeds, attention_mask=LEFT["attention_mask"]).logits
        assert torch.equal(found, right)
        with pytest.raises(ValueError, match=r"row 0, column 0 .* this call has other embeddings"):
            model(inputs_embeds=torch.cat([embeds[:, :1] + 1, embeds], dim=1))


def test_a_picture_in_the_text_is_no_other_batch():
    model = build_gemma3_vision()
    ids = torch.tensor([[0, 7, 61, 60, 60, 60, 60, 62, 9, 10, 11]])
    batch = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    pixels = torch.randn(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    batch |= {"pixel_values": pixels, "token_type_ids": (ids == 60).long()}
    vector = 4 * torch.randn(D_MODEL, generator=torch.Generator().manual_seed(5))
    selection = select_at(ids, [1, 4, -1]) | select_generated(ids, 1)
    hooks = add_vector_to_residual_stream(model, 1, vector, selection)
    hand = by_hand(model, 1, vector, lambda row, column: column in (1, 4, 10, 12), 1)
    with torch.no_grad():
        with add_hooks(hooks):
            found = model(**batch).logits
        with add_hooks(hand):
            assert torch.allclose(found, model(**batch).logits, atol=1e-4)
    same(generate(model, hooks, batch), generate(model, hand, batch, use_cache=False))
    wrong = {**batch, "input_ids": ids.clone()}
    wrong["input_ids"][0, 9] = 12
    with pytest.raises(ValueError, match="another batch"):
        generate(model, hooks, wrong)


def test_adapters_are_followed_and_virtual_tokens_refused():
    peft = pytest.importorskip("peft", reason="adapters need the package peft")
    hooks_for = {}
    for config in (
        peft.LoraConfig(r=2, target_modules=["q_proj"], task_type="CAUSAL_LM"),
        peft.PromptTuningConfig(num_virtual_tokens=3, task_type="CAUSAL_LM"),
    ):
        model = peft.get_peft_model(build_any("qwen2"), config).eval()
        hooks_for[type(config).__name__] = (
            model,
            add_vector_to_residual_stream(model, 1, 4 * torch.ones(D_MODEL), select_at(LEFT, [1])),
        )
    model, hooks = hooks_for["LoraConfig"]
    same(generate(model, hooks), generate(model, hooks, use_cache=False))
    model, hooks = hooks_for["PromptTuningConfig"]
    with pytest.raises(ValueError, match="another batch"), add_hooks(hooks):
        model(**LEFT)
    assert hooks_on(model) == []


def test_gradients_flow_through_an_edit_of_selected_tokens_also_when_checkpoints_are_recomputed():
    selection = select_at(LEFT, [[1], [0, 2]])
    gradients = []
    for checkpoints in (False, True):
        model = build_any("qwen2")
        if checkpoints:
            model.train()
            model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
        vector = vector_for(model).requires_grad_()
        with add_hooks(add_vector_to_residual_stream(model, 1, vector, selection)):
            model(**LEFT, use_cache=False).logits.square().mean().backward()
        gradients.append(vector.grad)
    assert gradients[0].abs().max() > 0
    assert torch.allclose(gradients[0], gradients[1], atol=1e-6)


def test_what_a_backward_pass_recomputes_in_another_thread_is_edited_as_before():
    """As on CUDA, where autograd has a thread of its own for each device."""
    gradients = []
    for elsewhere in (False, True):
        model = build_any("qwen2").train()
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
        hooks = ablate_direction_everywhere(
            model, vector_for(model), positions=select_at(LEFT, [[1], [0, 2]])
        )
        with add_hooks(*hooks):
            loss = model(**LEFT, use_cache=False).logits.square().mean()
            if elsewhere:
                thread = threading.Thread(target=loss.backward)
                thread.start()
                thread.join()
            else:
                loss.backward()
        gradients.append(find_blocks(model)[0].mlp.up_proj.weight.grad)
    assert torch.equal(*gradients)


def test_the_models_embedding_is_read_without_a_call_that_hooks_would_see():
    model = MODELS["qwen2"]
    embeds = model.get_input_embeddings()(IDS).detach()
    watch = [(model.get_input_embeddings(), lambda module, args: None)]
    hooks = add_vector_to_residual_stream(model, 1, vector_for(model), select_last(IDS))
    with add_hooks(hooks), add_hooks(watch, expected_calls=0), torch.no_grad():
        model(inputs_embeds=embeds)


@pytest.mark.parametrize("change", [lambda s: s[:1], lambda s: s[:, 1:], lambda s: s[None]])
def test_a_stream_of_other_rows_or_columns_than_the_call_has_is_refused(change):
    model = MODELS["qwen2"]
    block = find_blocks(model)[1]
    tracker, edit = edit_residual_stream(model, 1, torch.zeros_like, select_last(LEFT))
    changed = (block, lambda module, args: (change(args[0]), *args[1:]))
    message = r"a stream \[batch, seq, d_model\] of the call's 2 rows and 9 tokens"
    with pytest.raises(ValueError, match=message), add_hooks([tracker, changed, edit]):
        model(**LEFT)


def test_pairs_keep_no_model_and_no_cache_alive():
    model = build_any("mamba")
    hooks = add_vector_to_residual_stream(model, 1, vector_for(model), select_all(LEFT))
    caches = []

    @wants_kwargs
    def note(module, args, kwargs):
        caches.append(weakref.ref(kwargs["cache_params"]))

    generate(model, [*hooks, (model, note)])
    gc.collect()
    assert caches
    assert all(cache() is None for cache in caches)
    gone = weakref.ref(model)
    del model, hooks
    gc.collect()
    assert gone() is None


def test_captures_and_patches_say_what_to_write_instead_of_a_selection():
    model = MODELS["qwen2"]
    selection = select_at(LEFT, [[0, -1], [2]])
    calls = [
        lambda: get_residual_stream_at_layer(model, 1, **LEFT, positions=selection),
        lambda: cache_residual_streams(model, **LEFT, positions=selection),
        lambda: patch_residual_stream(model, 1, torch.zeros(2, SEQ, D_MODEL), selection),
    ]
    for call in calls:
        with pytest.raises(TypeError, match=r"stream\[selection.prompt_mask\]"):
            call()
    stream = get_residual_stream_at_layer(model, 1, **LEFT)
    assert torch.equal(stream[selection.prompt_mask], torch.stack([stream[0, 3], stream[0, 8], stream[1, 2]]))


def test_a_model_without_input_ids_around_its_blocks_is_named():
    blocks = MODELS["qwen2"].model.layers
    alone = torch.nn.Module()
    alone.config, alone.get_input_embeddings = MODELS["qwen2"].config, lambda: None
    alone.can_generate = lambda: True
    alone.layers = blocks
    with pytest.raises(ValueError, match="no module around its blocks whose forward takes input_ids"):
        add_vector_to_residual_stream(alone, 1, torch.ones(D_MODEL), select_last(LEFT))
