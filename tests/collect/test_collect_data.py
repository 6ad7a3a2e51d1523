"""Data of every kind give the same documents, and what is wrong with them is named with its place."""

import copy
import io
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.collect.small_collections import token_lists
from tests.tiny_families import hooks_on
from tutorial_lib.collect import BadRecordError, CollectError, collect_residual_streams
from tutorial_lib.collect.data.chunks import Budget, in_chunks
from tutorial_lib.collect.data.records import open_source
from tutorial_lib.collect.disk.provenance import hash_of_tokenizer

TEXTS = ["The capital of France is Paris .", "Anna gave the book to Tom .", "the dog", "a cat sat"]
IDS = token_lists(6)


def documents(store: Any) -> list[list[int]]:
    """The token ids of each document that gave rows."""
    found = store[:]
    return [
        found["token"][found["document"] == number].tolist()
        for number in dict.fromkeys(found["document"].tolist())
    ]


def read(data: Any, **given: Any) -> list[Any]:
    """What the records of data are, without a model."""
    return [record.value() for record in open_source(data, **given).records()]


def write_lines(path: Path, *rows: Any) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


# Kinds of data.


def test_texts_in_any_form_give_the_same_rows(box, tmp_path):
    import datasets
    import pyarrow as pa
    from pyarrow import parquet

    model, tokenizer = box
    data = datasets.Dataset.from_dict({"text": TEXTS, "other": range(4)})
    data.save_to_disk(tmp_path / "saved")
    datasets.DatasetDict(train=data, test=data.select([0])).save_to_disk(tmp_path / "splits")
    parquet.write_table(pa.table({"text": TEXTS, "n": list(range(4))}), tmp_path / "texts.parquet")
    rows = [{"text": text, "n": 1} for text in TEXTS]
    forms: dict[str, tuple[Any, dict[str, Any]]] = {
        "list": (TEXTS, {}),
        "generator": ((text for text in TEXTS), {}),
        "rows": (rows, {}),
        "jsonl": (write_lines(tmp_path / "texts.jsonl", *rows), {}),
        "strings in jsonl": (str(write_lines(tmp_path / "strings.JSONL", *TEXTS)), {}),
        "parquet": (tmp_path / "texts.parquet", {}),
        "saved": (tmp_path / "saved", {}),
        "split": (tmp_path / "splits", {"split": "train"}),
        "Dataset": (data, {}),
        "DatasetDict": (datasets.DatasetDict(train=data), {"split": "train"}),
        "IterableDataset": (data.to_iterable_dataset(), {}),
        "column": (data.rename_column("text", "words"), {"column": "words"}),
        "array": (np.array(TEXTS), {}),
    }
    expected = [tokenizer(text).input_ids for text in TEXTS]
    for name, (form, given) in forms.items():
        store = collect_residual_streams(
            model, form, [1], tmp_path / "out" / name, tokenizer=tokenizer, progress=False, **given
        )
        assert documents(store) == expected, name


def test_token_ids_in_any_form_are_read_without_a_tokenizer(tmp_path):
    import datasets

    data = datasets.Dataset.from_dict({"input_ids": IDS})
    data.save_to_disk(tmp_path / "saved")
    lines = write_lines(tmp_path / "ids.jsonl", *({"input_ids": ids} for ids in IDS))
    for form in (
        IDS,
        [torch.tensor(ids) for ids in IDS],
        [np.array(ids, dtype=np.int32) for ids in IDS],
        [{"input_ids": torch.tensor(ids)} for ids in IDS],
        data,
        data.with_format("torch"),
        tmp_path / "saved",
        lines,
    ):
        assert read(form) == IDS


def test_batches_of_token_ids_are_taken_apart_and_their_padding_is_left_out():
    ids = torch.tensor([[0, 0, 7], [8, 9, 0]])
    mask = torch.tensor([[0, 1, 1], [1, 1, 0]])
    assert read([ids, ids[:1]]) == [[0, 0, 7], [8, 9, 0], [0, 0, 7]]
    assert read([{"input_ids": ids, "attention_mask": mask}]) == [[0, 7], [8, 9]]
    assert read([{"input_ids": ids, "attention_mask": mask.bool()}]) == [[0, 7], [8, 9]]
    assert read(ids) == [[0, 0, 7], [8, 9, 0]]


def test_what_a_tokenizer_returns_is_a_batch(box):
    _, tokenizer = box
    batch = tokenizer(TEXTS, return_tensors="pt", padding=True)
    assert read([batch]) == [tokenizer(text).input_ids for text in TEXTS]


def test_a_folder_of_files_is_read_in_the_order_of_their_names(tmp_path):
    write_lines(tmp_path / "b.jsonl", "third")
    write_lines(tmp_path / "a.jsonl", "first", "second")
    (tmp_path / "readme.txt").write_text("no data")
    source = open_source(tmp_path)
    records = list(source.records())
    assert [(record.index, record.value()) for record in records] == [
        (0, "first"),
        (1, "second"),
        (2, "third"),
    ]
    assert records[-1].end == source.length


def test_standard_input_is_read_as_lines(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b'{"text": "one"}\n"two"')))
    assert read("-") == ["one", "two"]


def test_the_index_of_a_line_counts_blank_lines_and_the_last_needs_no_newline(tmp_path):
    path = tmp_path / "lines.jsonl"
    path.write_bytes(b'"one"\n\n   \n"two"\r\n"three"')
    records = list(open_source(path).records())
    assert [(record.index, record.value()) for record in records] == [(0, "one"), (3, "two"), (4, "three")]
    assert records[-1].end == path.stat().st_size


def test_a_source_can_be_read_twice(tmp_path):
    source = open_source(write_lines(tmp_path / "a.jsonl", "one"))
    assert open_source(source) is source
    assert [len(list(source.records())) for _ in range(2)] == [1, 1]


# Special tokens and empty texts.


def test_special_tokens_are_run_and_can_be_left_out_of_the_rows(box, tmp_path):
    model, tokenizer = box
    assert tokenizer.bos_token_id is not None

    def collected(name, **given):
        return collect_residual_streams(
            model, TEXTS[:1], [2], tmp_path / name, tokenizer=tokenizer, progress=False, **given
        )

    plain, bare = collected("plain"), collected("bare", add_special_tokens=False)
    kept = collected("kept", skip_special_tokens=True)
    special = set(tokenizer.all_special_ids)
    ids = plain[:]["token"].tolist()
    assert set(ids) & special
    assert kept[:]["token"].tolist() == bare[:]["token"].tolist() == [t for t in ids if t not in special]
    rows = [at for at, token in enumerate(ids) if token not in special]
    assert torch.equal(kept.stream(2)[:], plain.stream(2)[rows])  # what is left out was run
    assert not torch.allclose(kept.stream(2)[:], bare.stream(2)[:])


def test_empty_texts_are_counted_and_the_documents_after_them_keep_their_numbers(box, tmp_path):
    model, tokenizer = box
    store = collect_residual_streams(
        model, ["", TEXTS[0], "", TEXTS[1]], [1], tmp_path, tokenizer=tokenizer, progress=False
    )
    assert store.manifest["skipped"] == {"empty": 2}
    assert store.manifest["documents"] == 4
    assert sorted(set(store[:]["document"].tolist())) == [1, 3]


def test_a_text_that_a_tokenizer_makes_no_tokens_of_is_counted_as_empty(llama, tmp_path):
    class OneWord:
        def get_vocab(self):
            return {"a": 5}

        def __call__(self, texts, **given):
            return {"input_ids": [[5] if text == "a" else [] for text in texts]}

    store = collect_residual_streams(
        llama, ["?", "a", "", "!"], [1], tmp_path, tokenizer=OneWord(), progress=False
    )
    assert store.manifest["skipped"] == {"empty": 3}
    assert documents(store) == [[5]]


def test_padding_and_truncation_of_an_earlier_call_change_neither_rows_nor_settings(box, tmp_path):
    model, tokenizer = box
    before = hash_of_tokenizer(tokenizer)
    tokenizer(TEXTS, padding=True, truncation=True, max_length=3)
    assert hash_of_tokenizer(tokenizer) == before
    store = collect_residual_streams(model, TEXTS, [1], tmp_path, tokenizer=tokenizer, progress=False)
    assert documents(store) == [tokenizer(text).input_ids for text in TEXTS]


def test_a_tokenizer_in_python_and_one_without_padding_will_do(llama, tmp_path):
    from transformers import PreTrainedTokenizer

    class Letters(PreTrainedTokenizer):
        def get_vocab(self):
            return {chr(97 + n): n for n in range(26)}

        vocab_size = 26

        def _tokenize(self, text):
            return list(text)

        def _convert_token_to_id(self, token):
            return ord(token) - 97

        def _convert_id_to_token(self, index):
            return chr(97 + index)

    tokenizer = Letters()
    assert tokenizer.pad_token is None
    store = collect_residual_streams(llama, ["abc", "z"], [1], tmp_path, tokenizer=tokenizer, progress=False)
    assert documents(store) == [[0, 1, 2], [25]]


@pytest.mark.parametrize(
    ("of_model", "of_tokenizer", "longest"),
    [(64, 5, 5), (5, 64, 5), (64, 10**30, 64), (None, 5, 5), (None, 10**30, 2048)],
)
def test_a_piece_is_as_long_as_both_model_and_tokenizer_can_take(
    llama, loaded_box, tmp_path, of_model, of_tokenizer, longest
):
    vars(llama.config)["max_position_embeddings"] = of_model
    tokenizer = copy.copy(loaded_box[1])
    tokenizer.model_max_length = of_tokenizer
    store = collect_residual_streams(llama, [[5]], [1], tmp_path, tokenizer=tokenizer, progress=False)
    assert store.manifest["settings"]["max_length"] == longest


def test_padding_is_a_token_of_the_model_whatever_the_tokenizer_pads_with(llama, loaded_box, tmp_path):
    tokenizer = copy.deepcopy(loaded_box[1])
    tokenizer.pad_token = tokenizer.convert_ids_to_tokens(100)
    assert tokenizer.pad_token_id >= llama.config.vocab_size
    store = collect_residual_streams(llama, IDS, [1], tmp_path, tokenizer=tokenizer, progress=False)
    assert documents(store) == IDS


# What is wrong with data.


BAD_LINES = [
    (b"{oops", "line 2 is no JSON: Expecting property name"),
    (b'{"txt": "x"}', "line 2 has no 'text' or 'input_ids', it has ['txt']"),
    (b'{"text": 5}', "line 2 must be a text or a list of token ids, got 5"),
    (b'{"text": null}', "line 2 must be a text or a list of token ids, got None"),
    (b'{"input_ids": [1, 2.5]}', "line 2 must be a text or a list of token ids, got [1, 2.5]"),
    (b'{"input_ids": [1, true]}', "line 2 must be a text or a list of token ids, got [1, True]"),
    (b'{"text": "\xff"}', "line 2 is no JSON: 'utf-8' codec can't decode byte 0xff"),
    (rb'{"text": "\ud800"}', "line 2 has half of a character"),
    (b"[" * 100_000, "line 2 is no JSON"),
    (b'{"input_ids": [99]}', "document 1 has the token id 99; the model knows 0 to 63"),
]


@pytest.mark.parametrize(("line", "message"), BAD_LINES, ids=[m[:40] for _, m in BAD_LINES])
def test_a_bad_line_stops_with_its_number_or_is_skipped_and_counted(llama, tmp_path, line, message):
    path = tmp_path / "data.jsonl"
    path.write_bytes(b'{"input_ids": [5, 6]}\n' + line + b'\n{"input_ids": [7]}\n')
    with pytest.raises(BadRecordError) as caught:
        collect_residual_streams(llama, path, [1], tmp_path / "stopped", progress=False)
    assert message in str(caught.value)
    assert hooks_on(llama) == []
    store = collect_residual_streams(llama, path, [1], tmp_path / "out", on_bad="skip", progress=False)
    assert store.manifest["skipped"] == {"bad": 1}
    assert store[:]["document"].tolist() == [0, 0, 2]


def test_a_bad_item_of_a_list_is_named_by_its_number():
    with pytest.raises(BadRecordError, match=r"item 1 must be a text or a list of token ids, got None"):
        read(["one", None])


def test_a_column_that_is_not_there_is_told_before_anything_is_run(llama, tmp_path):
    import datasets
    import pyarrow as pa
    from pyarrow import parquet

    parquet.write_table(pa.table({"words": ["x"]}), tmp_path / "words.parquet")
    data = datasets.Dataset.from_dict({"words": ["x"]})
    for form in (tmp_path / "words.parquet", data):
        with pytest.raises(CollectError, match=r"has no column 'text' or 'input_ids', it has \['words'\]"):
            open_source(form)
        with pytest.raises(CollectError, match=r"has no column 'lines', it has \['words'\]"):
            open_source(form, column="lines")


def test_what_is_no_data_is_refused_with_what_would_be(tmp_path):
    import datasets
    import pandas

    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "broken.parquet").write_text("x")
    (tmp_path / "empty").mkdir()
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn" / "state.json").write_text("{}")
    splits = datasets.DatasetDict(a=datasets.Dataset.from_dict({"text": ["x"]}))
    wrong: list[tuple[Any, str]] = [
        ("no such file.jsonl", r"there is no file or folder 'no such file\.jsonl'; a list of texts is \["),
        (tmp_path / "notes.txt", r"ends in '\.txt'; \.jsonl and \.parquet files can be read"),
        (tmp_path / "broken.parquet", "is no Parquet file"),
        (tmp_path / "empty", r"is no folder of Dataset\.save_to_disk and has no \.jsonl or \.parquet files"),
        (tmp_path / "torn", "is no saved dataset that can be read"),
        (splits, r"has the splits \['a'\]: choose one, got None"),
        ({"text": ["x"]}, r"got a dict: put a batch into a list, \[batch\]"),
        ({"x", "y"}, "data must have an order, got a set"),
        (b"text", "got a bytes"),
        (5, "data must be a path, or several texts, token ids or rows, got a int"),
        (pandas.DataFrame({"text": ["x"]}), "got a DataFrame: give one of its columns"),
    ]
    for data, message in wrong:
        with pytest.raises(CollectError, match=message):
            open_source(data)


def test_a_split_of_data_that_have_none_is_refused(tmp_path):
    for data in (["x"], "-", write_lines(tmp_path / "a.jsonl", "x"), tmp_path):
        with pytest.raises(CollectError, match=r"split 'train' was given, and .* has no splits"):
            open_source(data, split="train")


def test_a_mask_that_is_not_as_large_as_its_ids_is_refused():
    ids = torch.ones(2, 3, dtype=torch.int64)
    with pytest.raises(CollectError, match=r"input_ids \[2, 3\] must be as large, got \[2, 2\]"):
        read([{"input_ids": ids, "attention_mask": torch.ones(2, 2)}])


def test_a_missing_package_is_named_with_how_to_install_it(tmp_path, monkeypatch):
    (tmp_path / "a.parquet").write_bytes(b"")
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(CollectError, match="the package 'pyarrow' is needed: pip install pyarrow"):
        open_source(tmp_path / "a.parquet")


# Chunks.


def test_chunks_have_all_records_in_order_and_none_grows_without_end():
    data = [[]] * 1000 + [[5] * 50] * 10 + [[5] * 700]
    records = open_source(data).records()
    chunks = list(in_chunks(records, Budget(tokens=200, rows=100, records=300)))
    assert [record.index for chunk in chunks for record in chunk.records] == list(range(1011))
    assert [chunk.number for chunk in chunks] == list(range(len(chunks)))
    assert max(len(chunk.records) for chunk in chunks) == 300
    assert max(sum(record.size for record in chunk.records) for chunk in chunks[:-1]) <= 100


@pytest.mark.parametrize(
    ("limit", "each"),
    [
        ({"tokens": 200}, 2),
        ({"tokens": 20, "longest": 10}, 2),  # what is cut off is not run
        ({"rows": 300}, 3),
        ({"rows": 30, "longest": 10}, 3),
        ({"rows": 4, "rows_of_record": 1}, 4),
        ({"records": 5}, 5),
    ],
)
def test_a_chunk_is_full_when_it_has_so_many_tokens_rows_or_records(limit, each):
    records = open_source([[5] * 100] * 20).records()
    chunks = in_chunks(records, Budget(**{"tokens": 10**6, "rows": 10**6, "records": 10**6, **limit}))
    assert {len(chunk.records) for chunk in list(chunks)[:-1]} == {each}


def test_a_chunk_is_another_one_when_a_record_or_its_place_is_another(tmp_path):
    def hashes(data):
        budget = Budget(tokens=10**6, rows=10**6, records=10**6)
        return [chunk.content() for chunk in in_chunks(open_source(data).records(), budget)]

    assert hashes([[1], [2, 3]]) == hashes(iter([[1], [2, 3]]))
    assert hashes([[1], [2, 3]]) != hashes([[1, 2], [3]])
    assert hashes([[1], [2, 3]]) != hashes([[2, 3], [1]])
    assert hashes(["ab", "c"]) != hashes(["a", "bc"])
    (tmp_path / "first.jsonl").write_text('"a"\n"b"\n')
    (tmp_path / "second.jsonl").write_text('\n"a"\n"b"\n')  # the same documents with other numbers
    assert hashes(tmp_path / "first.jsonl") != hashes(tmp_path / "second.jsonl")
