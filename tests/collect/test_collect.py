"""A collection has the rows that a forward pass gives, each once, however it came to be."""

import errno
import itertools
import multiprocessing
import os
import resource
import signal
import stat
import subprocess
import sys
import threading
from dataclasses import fields
from inspect import Parameter, signature
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.distributed as dist
from torch import nn

from tests.collect.small_collections import contents, failing_after, streams, token_lists
from tests.tiny_families import build, hooks_on
from tutorial_lib import UnaddressableStreamError, add_hooks, files, find_blocks, get_residual_stream_at_layer
from tutorial_lib.capture import StopForward
from tutorial_lib.collect import ActivationStore, CollectError, collect_residual_streams, collect_statistics
from tutorial_lib.collect.background import WriteBehind, read_ahead
from tutorial_lib.collect.data.batches import in_groups
from tutorial_lib.collect.disk import shards
from tutorial_lib.collect.disk.provenance import checksum_of_weights
from tutorial_lib.collect.options import CollectOptions
from tutorial_lib.collect.ranks import Ranks, find_ranks
from tutorial_lib.commands.hooking_collect import collect_command
from tutorial_lib.tiny_random.shrink import tiny_model

DATA = token_lists()


def collect(
    model: Any, out: Path, data: Any = DATA, layers: Any = (0, 2, 3), **given: Any
) -> ActivationStore:
    return collect_residual_streams(
        model, data, layers, out, **{"progress": False, "batch_tokens": 32, **given}
    )


def test_no_keyword_is_lost_on_its_way_to_the_collection():
    options = {field.name: field.default for field in fields(CollectOptions)}

    def keywords(function: Any) -> dict[str, Any]:
        given = signature(function).parameters.values()
        return {each.name: each.default for each in given if each.kind == Parameter.KEYWORD_ONLY}

    assert keywords(collect_residual_streams) == options
    assert keywords(collect_statistics) == {
        name: default for name, default in options.items() if name not in ("dtype", "shard_rows")
    }
    # The command loads the tokenizer, and says --quiet.
    assert options.keys() - signature(collect_command).parameters.keys() == {"tokenizer", "progress"}


def shard_files(folder: Path) -> list[Path]:
    return sorted(folder.glob("shard-*.safetensors"))


# What the rows are.


@pytest.mark.parametrize("name", ["llama", "gpt2", "bloom", "gemma2", "opt", "falcon"])
def test_rows_are_the_streams_of_each_document_run_alone_at_every_layer(name, tmp_path):
    model = build(name)
    layers = range(len(find_blocks(model)) + 1)
    store = collect(model, tmp_path, layers=layers)
    assert store.layers == list(layers)
    for layer in layers:
        expected = streams(model, DATA, layer)
        torch.testing.assert_close(store.stream(layer)[:], expected, rtol=1e-4, atol=1e-5)
    assert hooks_on(model) == []


def test_rows_are_the_hidden_states_of_transformers(llama, tmp_path):
    ids = torch.tensor([DATA[0]])
    with torch.no_grad():
        hidden = llama(ids, output_hidden_states=True).hidden_states
    store = collect(llama, tmp_path, [DATA[0]], layers=[0, 1, 2])
    for layer in range(3):
        assert torch.equal(store.stream(layer)[:], hidden[layer][0])


@pytest.mark.parametrize("name", ["mamba", "mamba2"])
def test_rows_of_a_state_space_model_are_its_streams(name, tmp_path):
    model = tiny_model(name)
    store = collect(model, tmp_path, layers=[0, 2, len(find_blocks(model))])
    for layer in store.layers:
        expected = streams(model, DATA, layer)
        torch.testing.assert_close(store.stream(layer)[:], expected, rtol=1e-4, atol=1e-5)


def test_columns_say_which_token_of_which_document_a_row_is(llama, tmp_path):
    store = collect(llama, tmp_path)
    found = store[:]
    assert found["document"].tolist() == [n for n, ids in enumerate(DATA) for _ in ids]
    assert found["position"].tolist() == [at for ids in DATA for at in range(len(ids))]
    assert found["token"].tolist() == [token for ids in DATA for token in ids]
    assert store.manifest["tokens"] == len(store) == sum(map(len, DATA))
    assert store.manifest["documents"] == len(DATA)


def test_padding_is_run_in_batches_and_never_kept(llama, tmp_path):
    seen = []
    with add_hooks([(find_blocks(llama)[0], lambda module, args: seen.append(tuple(args[0].shape[:2])))]):
        store = collect(llama, tmp_path, batch_tokens=64)
    seen = seen[1:]  # the first one is a look at the model
    assert any(batch > 1 for batch, _ in seen)
    assert all(batch * length <= 64 for batch, length in seen)
    assert sum(batch * length for batch, length in seen) > len(store) == sum(map(len, DATA))


def test_the_model_is_told_which_tokens_are_padding(llama, tmp_path):
    calls = []

    def note(module, args, kwargs):
        calls.append((kwargs["input_ids"], kwargs["attention_mask"]))

    with add_hooks([(llama, note)], with_kwargs=True):
        collect(llama, tmp_path, batch_tokens=64)
    calls = calls[1:]  # the first one is a look at the model
    assert any(mask.min() == 0 for _, mask in calls)
    ran = [ids[mask == 1].tolist() for batch in calls for ids, mask in zip(*batch, strict=True)]
    assert sorted(ran) == sorted(DATA)


@pytest.mark.parametrize(
    ("lengths", "groups"),
    [
        ([4] * 5, [[0, 1], [2, 3], [4]]),
        ([1, 4, 2, 4], [[1, 3], [2, 0]]),
        ([9, 1, 8], [[0], [2], [1]]),
        ([], []),
    ],
)
def test_a_batch_is_as_full_as_its_tokens_allow_the_longest_first(lengths, groups):
    assert list(in_groups(lengths, 8)) == groups


@pytest.mark.parametrize(("layers", "called"), [([0], [0, 0, 0]), ([2, 1], [1, 1, 0]), ([3], [1, 1, 1])])
def test_the_pass_stops_after_the_last_layer_that_was_asked_for(llama, tmp_path, layers, called):
    counts = [0, 0, 0]

    def counting(at):
        def count(module, args, output):
            counts[at] += 1

        return count

    blocks = find_blocks(llama)
    handles = [block.register_forward_hook(counting(at), prepend=True) for at, block in enumerate(blocks)]
    collect(llama, tmp_path, [[5, 6, 7]], layers=layers)
    for handle in handles:
        handle.remove()
    assert counts == [2 * each for each in called]  # the look at the model, and the one batch


def test_hooks_that_are_on_the_model_take_part(llama, tmp_path):
    def double(module, args):
        return (args[0] * 2, *args[1:])

    with add_hooks([(find_blocks(llama)[1], double)]):
        edited = collect(llama, tmp_path / "edited", layers=[1, 2])
    plain = collect(llama, tmp_path / "plain", layers=[1, 2])
    assert torch.equal(edited.stream(1)[:], plain.stream(1)[:] * 2)
    assert not torch.allclose(edited.stream(2)[:], plain.stream(2)[:])


POSITIONS = [
    ("all", lambda n: list(range(n))),
    ("last", lambda n: [n - 1]),
    (0, lambda n: [0]),
    (-2, lambda n: [n - 2] if n > 1 else []),
    ([3, 0, -1], lambda n: sorted({0, n - 1} | ({3} if n > 3 else set()))),
    ((1, -1), lambda n: sorted({n - 1} | ({1} if n > 1 else set()))),
    (range(2), lambda n: list(range(min(n, 2)))),
    (slice(-4, None), lambda n: list(range(max(0, n - 4), n))),
    (slice(None, None, -3), lambda n: sorted(range(n)[::-3])),
    ("-2:", lambda n: list(range(max(0, n - 2), n))),
    ("0,-1", lambda n: sorted({0, n - 1})),
    (torch.tensor([1, 2]), lambda n: [at for at in (1, 2) if at < n]),
    (np.int64(1), lambda n: [1] if n > 1 else []),
]


@pytest.mark.parametrize(("positions", "chosen"), POSITIONS, ids=[str(case[0]) for case in POSITIONS])
def test_positions_are_chosen_within_each_document(llama, tmp_path, positions, chosen):
    store = collect(llama, tmp_path, layers=[1], positions=positions)
    expected = [(n, at) for n, ids in enumerate(DATA) for at in chosen(len(ids))]
    found = store[:]
    assert list(zip(found["document"].tolist(), found["position"].tolist(), strict=True)) == expected
    lacking = sum(not chosen(len(ids)) for ids in DATA)
    assert store.manifest["skipped"] == ({"without a position to keep": lacking} if lacking else {})
    whole = collect(llama, tmp_path / "all", layers=[1])
    rows = [whole.where(document=n).start + at for n, at in expected]
    torch.testing.assert_close(store.stream(1)[:], whole.stream(1)[rows], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "positions", ["first", "1;2", "1:2:0", "::::", 1.5, [], [True], ["a"], None, slice(None, None, 0)]
)
def test_positions_that_cannot_be_understood_are_refused_with_what_can(llama, tmp_path, positions):
    with pytest.raises(CollectError, match='positions must be "all", "last", a whole number, several'):
        collect(llama, tmp_path / "out", positions=positions)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16", "float64", torch.bfloat16])
def test_rows_are_cast_to_the_dtype(llama, tmp_path, dtype):
    store = collect(llama, tmp_path / "cast", layers=[1], dtype=dtype)
    plain = collect(llama, tmp_path / "plain", layers=[1])
    wanted = getattr(torch, str(dtype).removeprefix("torch."))
    assert store.stream(1)[:].dtype == wanted
    assert torch.equal(store.stream(1)[:], plain.stream(1)[:].to(wanted))


def test_a_model_in_bfloat16_gives_rows_in_bfloat16(tmp_path):
    model = build("llama").to(torch.bfloat16)
    store = collect(model, tmp_path, [DATA[0]], layers=[1])
    expected = get_residual_stream_at_layer(model, 1, torch.tensor([DATA[0]]))[0]
    assert store.stream(1)[:].dtype == torch.bfloat16
    assert torch.equal(store.stream(1)[:], expected)


def test_rows_that_do_not_fit_into_the_dtype_are_counted(llama, tmp_path):
    with torch.no_grad():
        llama.get_input_embeddings().weight[7, 3] = 1e6
    data = [[5, 7], [7, 8, 9], [10]]
    assert collect(llama, tmp_path / "32", data, layers=[0]).manifest["not_finite"] == 0
    store = collect(llama, tmp_path / "16", data, layers=[0], dtype="float16")
    assert store.manifest["not_finite"] == int(store.stream(0)[:].isinf().any(1).sum()) == 2


def test_a_row_is_counted_if_a_number_of_any_layer_is_not_finite_and_not_if_only_its_sum_is_not(
    llama, tmp_path
):
    def filled(layer, value):
        return find_blocks(llama)[layer], lambda module, args: (torch.full_like(args[0], value), *args[1:])

    with add_hooks([filled(0, torch.inf), filled(2, 3e38)]):
        assert collect(llama, tmp_path / "odd", [[5, 6]], layers=[0, 2]).manifest["not_finite"] == 2
    with add_hooks([filled(2, 3e38)]):
        assert collect(llama, tmp_path / "large", [[5, 6]], layers=[0, 2]).manifest["not_finite"] == 0


LONG = [[5, 6, 7], [*range(5, 25)], [8, 9]]


def test_a_document_that_is_too_long_is_cut_and_counted(llama, tmp_path):
    store = collect(llama, tmp_path, LONG, max_length=8)
    assert [len(store.where(document=n)) for n in range(3)] == [3, 8, 2]
    assert store.manifest["skipped"] == {"cut to max_length": 1}
    assert torch.equal(store[:]["token"], torch.tensor([*LONG[0], *LONG[1][:8], *LONG[2]]))


def test_a_document_that_is_too_long_is_split_into_pieces_that_do_not_see_each_other(llama, tmp_path):
    store = collect(llama, tmp_path, LONG, layers=[2], max_length=8, too_long="split")
    rows = store[store.where(document=1)]
    assert rows["position"].tolist() == list(range(20))
    pieces = [LONG[1][:8], LONG[1][8:16], LONG[1][16:]]
    torch.testing.assert_close(rows["layer_2"], streams(llama, pieces, 2), rtol=1e-4, atol=1e-5)
    assert store.manifest["skipped"] == {"split at max_length": 1}


@pytest.mark.parametrize(
    ("positions", "kept"),
    [("last", [19]), (0, [0]), ([-1, 9], [9, 19]), ("6:10", [6, 7, 8, 9]), ("::-7", [5, 12, 19])],
)
def test_positions_of_a_document_that_is_split_are_those_of_the_whole_document(
    llama, tmp_path, positions, kept
):
    store = collect(llama, tmp_path, LONG, layers=[2], max_length=8, too_long="split", positions=positions)
    rows = store[store.where(document=1)]
    assert rows["position"].tolist() == kept
    assert rows["token"].tolist() == [LONG[1][at] for at in kept]


def test_a_document_that_is_split_fills_a_shard_with_all_of_its_rows(llama, tmp_path):
    given = {"layers": [1], "max_length": 8, "shard_rows": 20}
    collect(llama, tmp_path / "split", [[5] * 20] * 4, too_long="split", **given)
    collect(llama, tmp_path / "cut", [[5] * 20] * 4, **given)
    assert [len(shard_files(tmp_path / name)) for name in ("split", "cut")] == [4, 2]


@pytest.mark.parametrize(("layers", "dtype"), [([1], "float32"), ([0, 2, 3], "float32"), ([1], "float16")])
def test_a_shard_has_256_mib_where_nothing_else_is_said(llama, tmp_path, layers, dtype):
    settings = collect(llama, tmp_path, [[5]], layers=layers, dtype=dtype).manifest["settings"]
    bytes_of_row = len(layers) * 32 * {"float32": 4, "float16": 2}[dtype]
    assert settings["shard_rows"] == 256 * 2**20 // bytes_of_row


def test_a_document_that_is_too_long_is_skipped_and_counted(llama, tmp_path):
    store = collect(llama, tmp_path, LONG, max_length=8, too_long="skip")
    assert [len(store.where(document=n)) for n in range(3)] == [3, 0, 2]
    assert store.manifest["skipped"] == {"too long": 1}


def test_a_document_that_is_too_long_can_be_an_error_that_names_it(llama, tmp_path):
    with pytest.raises(CollectError, match="document 1 has 20 tokens, more than max_length 8"):
        collect(llama, tmp_path, LONG, max_length=8, too_long="error")
    assert hooks_on(llama) == []


def test_without_max_length_a_piece_is_as_long_as_the_model_can_take(llama, tmp_path):
    store = collect(llama, tmp_path, [[5] * 100], layers=[0])
    assert len(store) == 64 == llama.config.max_position_embeddings


def test_data_without_a_document_and_documents_without_a_token_give_a_collection_without_rows(
    llama, tmp_path
):
    for name, data, skipped in (("none", [], {}), ("empty", [[], []], {"empty": 2})):
        store = collect(llama, tmp_path / name, data)
        assert (len(store), store.finished, store.manifest["skipped"]) == (0, True, skipped)
        assert store[:]["layer_2"].shape == (0, 32)
        assert list(store.batches(4)) == []
        store.verify()


# Models as they come.


def test_a_compiled_model_and_one_in_data_parallel_give_the_same_rows(llama, tmp_path):
    plain = collect(llama, tmp_path / "plain")
    for name, model in (("compiled", torch.compile(llama)), ("parallel", nn.DataParallel(llama))):
        assert torch.equal(collect(model, tmp_path / name).stream(3)[:], plain.stream(3)[:])
        assert contents(tmp_path / name) == contents(tmp_path / "plain")


def test_a_model_that_is_offloaded_gives_the_same_rows_and_has_the_same_checksum(tmp_path):
    from accelerate import cpu_offload, disk_offload

    plain = collect(build("llama"), tmp_path / "plain")
    for name, offload in (("cpu", cpu_offload), ("disk", disk_offload)):
        given = {"offload_dir": str(tmp_path / "weights")} if name == "disk" else {}
        model = offload(build("llama"), execution_device=torch.device("cpu"), **given)
        assert next(model.parameters()).is_meta
        store = collect(model, tmp_path / name)
        assert torch.equal(store.stream(3)[:], plain.stream(3)[:])
        assert store.manifest["settings"]["weights"] == plain.manifest["settings"]["weights"]


def test_an_adapter_takes_part_and_changes_the_checksum(tmp_path):
    from peft import LoraConfig, get_peft_model

    model = get_peft_model(build("llama"), LoraConfig(r=2, target_modules=["q_proj"])).eval()
    before = checksum_of_weights(model)
    first = collect(model, tmp_path / "zero")
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "lora_B" in name:
                weight.fill_(0.5)
    assert checksum_of_weights(model) != before
    second = collect(model, tmp_path / "half")
    assert torch.equal(first.stream(0)[:], second.stream(0)[:])
    assert not torch.allclose(first.stream(3)[:], second.stream(3)[:])


def test_a_pass_of_the_model_in_another_thread_is_neither_stopped_nor_taken(llama, tmp_path):
    expected = collect(llama, tmp_path / "calm", layers=[2])
    ids = torch.tensor([[9, 9, 9]])
    logits = llama(ids).logits
    found = []

    def other_pass(module, args):
        if threading.current_thread() is threading.main_thread():
            other = threading.Thread(target=lambda: found.append(llama(ids).logits))
            other.start()
            other.join()

    with add_hooks([(find_blocks(llama)[1], other_pass)]):
        store = collect(llama, tmp_path / "busy", layers=[2])
    assert torch.equal(store.stream(2)[:], expected.stream(2)[:])
    assert len(found) > 1
    assert all(torch.equal(each, logits) for each in found)


def test_the_stop_of_another_call_is_not_swallowed(llama, tmp_path):
    stranger = StopForward(object())

    def interrupt(module, args):
        raise stranger

    with pytest.raises(StopForward) as caught, add_hooks([(find_blocks(llama)[0], interrupt)]):
        collect(llama, tmp_path)
    assert caught.value is stranger


# What is refused.


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"layers": [4]}, "layer 4 is out of range: the model has 3 blocks, use 0 to 3"),
        ({"layers": [-1]}, "layer -1 is out of range"),
        ({"layers": []}, "layers is empty; layers 0 to 3 can be collected"),
        ({"dtype": "int8"}, "dtype must be one of 'float32'.*got 'int8'"),
        ({"too_long": "cut"}, "too_long must be one of 'truncate', 'split', 'skip', 'error', got 'cut'"),
        ({"on_bad": "ignore"}, "on_bad must be one of 'error', 'skip', got 'ignore'"),
        ({"max_length": 0}, "max_length must be a whole number of at least 1, got 0"),
        ({"batch_tokens": 2.5}, "batch_tokens must be a whole number of at least 1, got 2.5"),
        ({"shard_rows": True}, "shard_rows must be a whole number of at least 1, got True"),
        ({"skip_special_tokens": True}, "skip_special_tokens needs the tokenizer"),
        ({"data": ["a text"]}, "the data are texts: give the model's tokenizer"),
        ({"data": [[5, 64]]}, "document 0 has the token id 64; the model knows 0 to 63"),
        ({"data": [[5], [-1]]}, "document 1 has the token id -1; the model knows 0 to 63"),
        ({"rank": 1}, "give the rank and the number of ranks together, got 1 and None"),
        ({"rank": 2, "ranks": 2}, "rank 2 is out of range: of 2 ranks there are 0 to 1"),
    ],
)
def test_what_cannot_be_used_is_named_with_what_could(llama, tmp_path, given, message):
    with pytest.raises(ValueError, match=message):
        collect(llama, tmp_path / "out", **given)
    assert list(tmp_path.glob("out/shard-*")) == []


def test_one_number_for_layers_is_a_type_error(llama, tmp_path):
    with pytest.raises(TypeError, match="layers must be several layers, such as \\[2\\], got 2"):
        collect(llama, tmp_path, layers=2)


def test_a_model_in_training_mode_is_refused_also_if_only_a_part_of_it_is(llama, tmp_path):
    find_blocks(llama)[1].train()
    with pytest.raises(CollectError, match=r"call model\.eval\(\) first"):
        collect(llama, tmp_path)


def test_a_model_without_one_stream_is_refused(tmp_path):
    with pytest.raises(ValueError, match="the batch second"):
        collect(tiny_model("xlnet"), tmp_path)


def test_a_model_that_carries_several_streams_is_refused(tmp_path):
    with pytest.raises(UnaddressableStreamError, match=r"the stream at layer 1 has the shape \(4, 1, 1, "):
        collect(tiny_model("gemma3n_text"), tmp_path, layers=[1])


@pytest.mark.parametrize(
    "change", [lambda s: s[0], lambda s: s[None], lambda s: s[:, 1:], lambda s: s.repeat(2, 1, 1)]
)
def test_a_stream_that_is_not_of_the_batch_that_is_run_is_refused(llama, tmp_path, change):
    changed = [(find_blocks(llama)[1], lambda module, args: (change(args[0]), *args[1:]))]
    with pytest.raises(UnaddressableStreamError, match="the stream at layer 1 has"), add_hooks(changed):
        collect(llama, tmp_path, layers=[1])


def test_a_collection_inside_a_capture_is_none_of_the_captures_passes(llama, tmp_path):
    ids = torch.tensor([[5, 9, 4]])
    alone, inside = get_residual_stream_at_layer(llama, 1, ids), []

    def collect_once(module, args):
        if not inside:
            inside.append(None)  # the passes of the collection come by here, too
            inside[0] = collect(llama, tmp_path / "inside", layers=[1])

    with add_hooks([(find_blocks(llama)[0], collect_once)]):
        assert torch.equal(get_residual_stream_at_layer(llama, 1, ids), alone)
    collect(llama, tmp_path / "alone", layers=[1])
    assert contents(tmp_path / "inside") == contents(tmp_path / "alone")


def test_streams_of_several_widths_are_refused(llama, tmp_path):
    narrow = [(find_blocks(llama)[2], lambda module, args: (args[0][..., :16], *args[1:]))]
    with pytest.raises(CollectError, match=r"streams of several widths, \[16, 32\]"), add_hooks(narrow):
        collect(llama, tmp_path, layers=[1, 2])


def test_a_model_that_does_not_come_by_a_layer_is_refused_before_there_is_a_folder(tmp_path):
    with pytest.raises(ValueError, match=r"MllamaForCausalLM did not reach layers \[3, 4\]"):
        collect(tiny_model("mllama"), tmp_path / "out", layers=[0, 3, 4])
    assert not (tmp_path / "out").exists()


def test_a_tokenizer_of_another_model_is_refused(llama, loaded_box, tmp_path):
    with pytest.raises(CollectError, match="the tokenizer is not this model's"):
        collect(llama, tmp_path, ["The capital of France is Paris ."], tokenizer=loaded_box[1])


def test_a_folder_with_something_else_and_a_file_are_refused_and_left_as_they_were(llama, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(CollectError, match="is not empty and holds no collection"):
        collect(llama, tmp_path)
    with pytest.raises(CollectError, match="is a file; out must be a new or empty folder"):
        collect(llama, tmp_path / "mine.txt")
    assert contents(tmp_path) == {"mine.txt": b"mine"}


CHANGES: list[tuple[dict[str, Any], str]] = [
    ({"layers": [1]}, r"layers: \[0, 2, 3\] there, \[1\] now"),
    ({"positions": "last"}, "positions: 'all' there, 'last' now"),
    ({"dtype": "float16"}, "dtype: 'float32' there, 'float16' now"),
    ({"max_length": 5}, "max_length: 64 there, 5 now"),
    ({"batch_tokens": 8}, "batch_tokens: 32 there, 8 now"),
]


@pytest.mark.parametrize(("given", "message"), CHANGES)
def test_a_folder_that_was_begun_with_other_settings_is_refused_and_left_as_it_was(
    llama, tmp_path, given, message
):
    collect(llama, tmp_path)
    before = contents(tmp_path)
    with pytest.raises(CollectError, match=message):
        collect(llama, tmp_path, **given)
    assert contents(tmp_path) == before


def test_one_changed_weight_is_noticed(llama, tmp_path):
    collect(llama, tmp_path)
    before = contents(tmp_path)
    with torch.no_grad():
        llama.lm_head.weight[3, 4] += 1e-4
    with pytest.raises(CollectError, match="weights: "):
        collect(llama, tmp_path)
    assert contents(tmp_path) == before


def test_two_weights_that_changed_places_are_noticed(llama):
    before = checksum_of_weights(llama)
    with torch.no_grad():
        weight = llama.lm_head.weight
        weight[0], weight[1] = weight[1].clone(), weight[0].clone()
    assert checksum_of_weights(llama) != before


def test_the_name_that_a_model_goes_by_makes_no_difference(llama, tmp_path):
    collect(llama, tmp_path)
    llama.config._name_or_path, llama.config._commit_hash = "another/name", "0a1b2c3d"
    assert collect(llama, tmp_path).finished


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: [[*data[0][:-1], 59], *data[1:]], "shard-00000000.safetensors was made of other doc"),
        (lambda data: data[:-1], "the data have changed"),
        (lambda data: [*data, [5]], "the data have changed"),
        (lambda data: data[:4], "they give 1 shards, and shard-00000001.safetensors is there"),
    ],
    ids=["a token", "one less", "one more", "a shard less"],
)
def test_changed_data_are_noticed(llama, tmp_path, change, message):
    data = [[5, 6, 7]] * 7
    collect(llama, tmp_path, data, shard_rows=12)
    before = contents(tmp_path)
    with pytest.raises(CollectError, match=message):
        collect(llama, tmp_path, change(data), shard_rows=12)
    assert contents(tmp_path) == before


def test_a_shard_of_other_settings_in_the_folder_is_refused(llama, tmp_path):
    collect(llama, tmp_path / "one")
    collect(llama, tmp_path / "two", batch_tokens=8)
    shards_there = shard_files(tmp_path / "two")
    shard_files(tmp_path / "one")[0].write_bytes(shards_there[0].read_bytes())
    with pytest.raises(
        CollectError, match=r"was made with other settings than collection\.json beside it says"
    ):
        collect(llama, tmp_path / "one")


def test_a_shard_of_other_settings_is_refused_in_an_unfinished_collection_too(llama, tmp_path):
    collect(llama, tmp_path / "one")
    collect(llama, tmp_path / "two", batch_tokens=8)
    shard_files(tmp_path / "one")[0].write_bytes(shard_files(tmp_path / "two")[0].read_bytes())
    (tmp_path / "one" / "manifest.json").unlink()
    with pytest.raises(CollectError, match="was made with other settings"):
        ActivationStore(tmp_path / "one", unfinished=True)


def test_a_collection_of_another_format_is_refused(llama, tmp_path):
    collect(llama, tmp_path)
    file = tmp_path / "collection.json"
    file.write_text(file.read_text().replace('"format": 1', '"format": 2'))
    with pytest.raises(CollectError, match="has the format 2; this version knows 1"):
        collect(llama, tmp_path)


# Going on.


def test_the_same_call_again_runs_nothing_and_changes_nothing(llama, tmp_path):
    collect(llama, tmp_path, shard_rows=20)
    before = contents(tmp_path)
    calls = []
    with add_hooks([(find_blocks(llama)[0], lambda module, args: calls.append(1))]):
        collect(llama, tmp_path, iter(DATA), shard_rows=20)
    assert calls == [1]  # the look at the model
    assert contents(tmp_path) == before


def test_a_deleted_shard_is_made_again_to_the_same_bytes(llama, tmp_path):
    collect(llama, tmp_path, shard_rows=20)
    before = contents(tmp_path)
    shard_files(tmp_path)[1].unlink()
    with pytest.raises(
        CollectError, match=r"shard-00000001\.safetensors' is missing: run the collection again"
    ):
        ActivationStore(tmp_path)[:]
    collect(llama, tmp_path, shard_rows=20)
    assert contents(tmp_path) == before


def test_a_shard_that_was_cut_off_is_named_and_made_again_once_deleted(llama, tmp_path):
    collect(llama, tmp_path, shard_rows=20)
    before = contents(tmp_path)
    damaged = shard_files(tmp_path)[1]
    damaged.write_bytes(before[damaged.name][:-5])
    with pytest.raises(
        CollectError, match=r"shard-00000001\.safetensors' is damaged.*delete it to have it made"
    ):
        collect(llama, tmp_path, shard_rows=20)
    damaged.unlink()
    collect(llama, tmp_path, shard_rows=20)
    assert contents(tmp_path) == before


def test_the_bytes_do_not_depend_on_how_many_ranks_there_are(llama, tmp_path):
    collect(llama, tmp_path / "1", shard_rows=10)
    for ranks in (2, 3):
        out = tmp_path / str(ranks)
        for rank in reversed(range(ranks)):
            store = collect(llama, out, shard_rows=10, rank=rank, ranks=ranks)
            assert store.finished == (rank == 0)
        assert contents(out) == contents(tmp_path / "1")


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("a bad day")], ids=["Ctrl-C", "error"])
def test_a_run_that_was_stopped_in_the_middle_goes_on_to_the_same_bytes(llama, tmp_path, error):
    collect(llama, tmp_path / "whole", shard_rows=10)
    out = tmp_path / "stopped"
    block = find_blocks(llama)[0]
    for n in (2, 4, 5):
        handle = block.register_forward_pre_hook(failing_after(n, error))
        with pytest.raises(type(error)):
            collect(llama, out, shard_rows=10)
        handle.remove()
        assert hooks_on(llama) == []
        assert not list(out.glob("*.partial"))
        kept = contents(out)
        assert all(
            kept[path.name] == (tmp_path / "whole" / path.name).read_bytes() for path in shard_files(out)
        )
    assert 0 < len(shard_files(out)) < len(shard_files(tmp_path / "whole"))
    unfinished = ActivationStore(out, unfinished=True)
    assert len(unfinished) > 0
    with pytest.raises(CollectError, match=r"is not finished, \d shards are there"):
        ActivationStore(out)
    collect(llama, out, shard_rows=10)
    assert contents(out) == contents(tmp_path / "whole")


def test_an_error_in_the_data_leaves_the_shards_before_it(llama, tmp_path):
    def broken():
        yield from DATA[:8]
        raise OSError("the network is down")

    with pytest.raises(OSError, match="the network is down"):
        collect(llama, tmp_path, broken(), shard_rows=10)
    assert len(shard_files(tmp_path)) >= 1
    assert hooks_on(llama) == []
    collect(llama, tmp_path, shard_rows=10)
    collect(llama, tmp_path / "whole", shard_rows=10)
    assert [p.read_bytes() for p in shard_files(tmp_path)] == [
        p.read_bytes() for p in shard_files(tmp_path / "whole")
    ]


def test_a_full_disk_is_told_and_the_same_call_goes_on_to_the_same_bytes(llama, tmp_path, monkeypatch):
    collect(llama, tmp_path / "whole", shard_rows=10)
    out = tmp_path / "full"
    fsync, written = os.fsync, []

    def full(handle: int) -> None:
        written.append(handle)
        if len(written) > 5:
            raise OSError(errno.ENOSPC, "No space left on device")
        fsync(handle)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(
        OSError, match=r"could not write shard-0.*No space left on device.*make room and give"
    ):
        collect(llama, out, shard_rows=10)
    monkeypatch.undo()
    assert not list(out.glob("*.partial"))
    assert hooks_on(llama) == []
    assert 0 < len(shard_files(out)) < len(shard_files(tmp_path / "whole"))
    collect(llama, out, shard_rows=10)
    assert contents(out) == contents(tmp_path / "whole")


def limit_files_to(size: int) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # or the signal ends the process
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def test_a_file_that_the_system_does_not_let_grow_leaves_no_half_shard(llama, tmp_path):
    llama.save_pretrained(tmp_path / "model")
    program = """
import sys
from transformers import AutoModelForCausalLM
from tutorial_lib.collect import collect_residual_streams
model = AutoModelForCausalLM.from_pretrained(sys.argv[1]).eval()
collect_residual_streams(model, [[5] * 10] * 40, [1], sys.argv[2], shard_rows=100, progress=False)
"""
    out = tmp_path / "out"
    command = [sys.executable, "-c", program, str(tmp_path / "model"), str(out)]
    run = subprocess.run(
        command, capture_output=True, text=True, preexec_fn=lambda: limit_files_to(8000), check=False
    )
    assert "OSError: could not write shard-00000000.safetensors: [Errno 27] File too large" in run.stderr
    assert sorted(contents(out)) == ["collection.json"]
    store = collect(llama, out, [[5] * 10] * 40, layers=[1], shard_rows=100, batch_tokens=4096)
    assert store.finished
    assert len(store) == 400


def test_what_a_killed_process_was_writing_is_removed_and_what_a_living_one_writes_is_not(llama, tmp_path):
    collect(llama, tmp_path)
    abandoned = tmp_path / f"shard-00000007.safetensors.0a1b2c3d{files.PARTIAL}"
    abandoned.write_bytes(b"half")
    with files.growing(tmp_path / "shard-00000008.safetensors") as file:
        file.write(b"whole")
        growing = list(tmp_path.glob("shard-00000008*"))
        other = multiprocessing.get_context("fork").Process(target=files.remove_abandoned, args=(tmp_path,))
        other.start()
        other.join()
        assert other.exitcode == 0
        assert not abandoned.exists()
        assert [path.exists() for path in growing] == [True]
    assert (tmp_path / "shard-00000008.safetensors").read_bytes() == b"whole"


def test_a_run_removes_what_a_killed_one_has_left(llama, tmp_path):
    collect(llama, tmp_path)
    before = contents(tmp_path)
    (tmp_path / f"shard-00000007.safetensors.0a1b2c3d{files.PARTIAL}").write_bytes(b"half")
    collect(llama, tmp_path)
    assert contents(tmp_path) == before


def test_a_folder_in_which_nothing_but_half_a_file_was_left_can_be_used(llama, tmp_path):
    (tmp_path / f"collection.json.0a1b2c3d{files.PARTIAL}").write_bytes(b"half")
    assert collect(llama, tmp_path).finished


def test_a_file_is_on_the_disk_before_it_has_its_name_and_the_name_before_anything_else_is_done(
    tmp_path, monkeypatch
):
    done = []
    fsync, replace_file = os.fsync, files.replace_file

    def sync(handle: int) -> None:
        found = os.fstat(handle)
        done.append("folder" if stat.S_ISDIR(found.st_mode) else f"{found.st_size} bytes")
        fsync(handle)

    def rename(*paths: Path) -> None:
        done.append("name")
        replace_file(*paths)

    monkeypatch.setattr(files.os, "fsync", sync)
    monkeypatch.setattr(files, "replace_file", rename)
    files.write_whole(tmp_path / "a.json", "text", durable=True)
    assert done == ["4 bytes", "name", "folder"]


def test_an_error_in_writing_the_last_item_is_raised_and_does_not_hide_one_of_the_block():
    def full(item: int) -> None:
        raise OSError("no space")

    def write_one(error: Exception | None) -> None:
        with WriteBehind(full) as writer:
            writer.put(1)
            if error is not None:
                raise error

    with pytest.raises(OSError, match="no space"):
        write_one(None)
    with pytest.raises(KeyError):
        write_one(KeyError())


def test_closing_what_is_read_ahead_ends_its_thread():
    items = read_ahead(itertools.count())
    assert [next(items), next(items)] == [0, 1]
    items.close()
    assert "read ahead" not in [thread.name for thread in threading.enumerate()]


@pytest.mark.parametrize(
    "variables", [{}, {"WORLD_SIZE": "2"}, {"WORLD_SIZE": "1", "MASTER_ADDR": "localhost"}], ids=str
)
def test_a_process_that_no_launcher_has_told_where_to_meet_is_alone(monkeypatch, variables):
    for name in ("WORLD_SIZE", "MASTER_ADDR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert find_ranks() == Ranks(0, 1)


@pytest.fixture
def alone_in_a_group():
    """A process group that has only this process."""
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    yield
    dist.destroy_process_group()


def test_the_manifest_is_written_when_all_ranks_are_done_and_before_any_goes_on(
    llama, tmp_path, alone_in_a_group, monkeypatch
):
    waits = []
    monkeypatch.setattr(dist, "barrier", lambda group: waits.append((tmp_path / "manifest.json").exists()))
    collect(llama, tmp_path)
    assert waits == [False, True]


def test_standard_input_is_refused_in_a_group(llama, tmp_path, alone_in_a_group):
    with pytest.raises(CollectError, match="standard input is for one process; give the ranks a file"):
        collect(llama, tmp_path, "-")


def test_two_runs_in_the_same_folder_at_the_same_time_do_no_harm(llama, tmp_path):
    import copy

    collect(llama, tmp_path / "alone", shard_rows=10)
    models = [llama, copy.deepcopy(llama)]
    out = tmp_path / "both"
    runs = [
        threading.Thread(target=collect, args=(model, out), kwargs={"shard_rows": 10}) for model in models
    ]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert contents(out) == contents(tmp_path / "alone")


def test_a_shard_is_a_safetensors_file_that_its_library_reads(llama, tmp_path):
    from safetensors.torch import load_file

    store = collect(llama, tmp_path, dtype="float16")
    found = load_file(shard_files(tmp_path)[0])
    assert set(found) == {"layer_0", "layer_2", "layer_3", "document", "position", "token"}
    assert torch.equal(found["layer_2"], store.stream(2)[:])
    shards.read_header(shard_files(tmp_path)[0])
    assert (
        shard_files(tmp_path)[0].stat().st_mode & 0o777
        == (tmp_path / "collection.json").stat().st_mode & 0o777
    )
