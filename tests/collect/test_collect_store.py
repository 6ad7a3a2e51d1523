"""A collection is read back row by row, mapped into memory, shuffled, as NumPy and as a dataset."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from tests.collect.small_collections import contents, token_lists
from tests.tiny_families import build
from tutorial_lib.collect import ActivationStore, CollectError, collect_residual_streams
from tutorial_lib.collect.disk import dataset, store

DATA = token_lists(24)
N_ROWS = sum(map(len, DATA))


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A collection of several shards, which the tests only read."""
    out: Path = tmp_path_factory.mktemp("collection")
    collect_residual_streams(build("llama"), DATA, [1, 2], out, shard_rows=25, progress=False)
    assert len(list(out.glob("shard-*"))) > 3
    return out


@pytest.fixture
def rows(folder) -> ActivationStore:
    return ActivationStore(folder)


@pytest.fixture
def copy(folder, tmp_path) -> Path:
    """A collection that may be changed."""
    for name, content in contents(folder).items():
        (tmp_path / name).write_bytes(content)
    return tmp_path


def all_of(found: ActivationStore) -> dict[str, torch.Tensor]:
    """Every tensor, put together from the files by their own library."""
    from safetensors.torch import load_file

    parts = [load_file(path) for path in sorted(found.folder.glob("shard-*"))]
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}


def equal(found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> bool:
    return found.keys() == expected.keys() and all(torch.equal(found[n], expected[n]) for n in found)


# Rows by number.


@pytest.mark.parametrize(
    "index",
    [
        slice(None),
        slice(3, 60),
        slice(60, 3, -7),
        slice(-5, None),
        slice(9, 9),
        [0, N_ROWS - 1, 30, 30, -1, -N_ROWS],
        [],
        range(20, 40, 3),
        torch.tensor([70, 2, 2]),
        np.array([5, 50, -50]),
        np.array([5, 50], dtype=np.uint8),
        torch.arange(N_ROWS) % 7 == 3,
        np.arange(N_ROWS) > 80,
        [True, *[False] * (N_ROWS - 1)],
    ],
    ids=str,
)
def test_several_rows_are_those_of_the_files_in_the_order_asked_for(rows, index):
    numbers = np.arange(N_ROWS)
    if isinstance(index, slice):
        chosen = numbers[index]
    else:
        chosen = numbers[np.asarray(index) if len(index) else slice(0)]
    expected = {name: values[torch.from_numpy(chosen.copy())] for name, values in all_of(rows).items()}
    assert equal(rows[index], expected)
    assert torch.equal(rows.stream(2)[index], expected["layer_2"])


@pytest.mark.parametrize("index", [0, 30, N_ROWS - 1, -1, -N_ROWS, np.int64(4)])
def test_one_row_is_a_vector_and_three_numbers(rows, index):
    found = rows[index]
    assert equal(found, {name: values[int(index)] for name, values in all_of(rows).items()})
    assert found["layer_1"].shape == (32,)
    assert found["token"].shape == ()


@pytest.mark.parametrize(
    ("index", "message"),
    [
        (N_ROWS, f"row {N_ROWS} is out of range: there are {N_ROWS} rows"),
        (-N_ROWS - 1, f"row {-N_ROWS - 1} is out of range"),
        ([0, N_ROWS + 5], f"row {N_ROWS + 5} is out of range"),
        (torch.ones(3, dtype=torch.bool), f"a mask must have the shape \\({N_ROWS},\\), got \\(3,\\)"),
        ([[1, 2]], "rows must be whole numbers or a slice"),
        ([1.5], "rows must be whole numbers or a slice, got \\[1.5\\]"),
        ("layer_1", "rows must be whole numbers or a slice, got 'layer_1'"),
        (None, "rows must be whole numbers or a slice, got None"),
        (True, "rows must be whole numbers or a slice, got True"),
    ],
)
def test_rows_that_are_not_there_are_an_index_error_that_names_them(rows, index, message):
    with pytest.raises(IndexError, match=message):
        rows[index]


def test_going_over_a_store_ends_after_its_last_row(rows):
    assert len(rows) == len(list(rows.stream(1))) == N_ROWS
    assert isinstance(rows, Dataset)
    assert isinstance(rows.stream(1), Dataset)


def test_a_layer_that_was_not_collected_is_refused_with_those_that_were(rows):
    with pytest.raises(
        CollectError, match=r"layer 3 is not in the collection, which has the layers \[1, 2\]"
    ):
        rows.stream(3)


@pytest.mark.parametrize("name", ["document", "position", "token"])
def test_a_column_is_that_of_all_rows_and_touches_no_stream(rows, name, monkeypatch):
    expected = rows[:][name]
    asked = []
    read = ActivationStore.read
    monkeypatch.setattr(ActivationStore, "read", lambda *given: asked.append(given[2]) or read(*given))
    assert torch.equal(rows.column(name), expected)
    assert asked == [[name]]


@pytest.mark.parametrize("name", ["layer_1", "Document", ""])
def test_another_column_is_refused_with_those_that_there_are(rows, name):
    with pytest.raises(
        CollectError, match=f"no column '{name}': it must be one of document, position, token"
    ):
        rows.column(name)


@pytest.mark.parametrize("number", [0, 7, len(DATA) - 1])
def test_where_gives_the_rows_of_a_document(rows, number):
    found = rows.where(document=number)
    assert rows[found]["document"].tolist() == [number] * len(DATA[number])
    assert rows[found]["token"].tolist() == DATA[number]


@pytest.mark.parametrize("number", [-1, len(DATA), 10**9])
def test_a_document_that_gave_no_rows_has_an_empty_range(rows, number):
    assert len(rows.where(document=number)) == 0


# Memory and files.


def test_what_is_given_out_can_be_changed_without_changing_a_file_or_a_later_reader(copy):
    before = contents(copy)
    found = ActivationStore(copy)
    expected = all_of(found)
    for given in (found[:], found[3], found[[1, 2]], next(found.batches(5))):
        for values in given.values():
            values.fill_(77)
    found.stream(1)[:].fill_(77)
    assert equal(found[:], expected)
    found.stream(1).shards()[0].fill_(77)  # a view of the file, in this process alone
    assert contents(copy) == before
    assert equal(ActivationStore(copy)[:], expected)


def test_opening_and_reading_one_row_does_not_read_the_files(rows):
    rows[0]
    assert len(rows._maps) == 1
    maps = Path("/proc/self/maps")
    if maps.exists():
        assert str(rows.folder / "shard-00000000.safetensors") in maps.read_text()


def test_only_so_many_shards_are_mapped_at_a_time(rows, monkeypatch):
    monkeypatch.setattr(store, "MAPPED", 2)
    assert equal(rows[:], all_of(rows))
    assert len(rows._maps) == 2


def test_numpy_gives_the_rows_and_float32_for_bfloat16(rows, tmp_path):
    expected = all_of(rows)["layer_2"].numpy()
    assert np.array_equal(rows.stream(2).numpy(), expected)
    assert np.array_equal(rows.stream(2).numpy(slice(5, 50)), expected[5:50])
    assert np.array_equal(rows.stream(2).numpy([3, -1]), expected[[3, -1]])
    half = collect_residual_streams(build("llama"), DATA, [2], tmp_path, dtype="bfloat16", progress=False)
    assert half.stream(2).numpy().dtype == np.float32
    assert np.array_equal(half.stream(2).numpy(), half.stream(2)[:].float().numpy())


def test_all_rows_of_one_shard_as_numpy_are_a_view_that_cannot_be_written(tmp_path):
    one = collect_residual_streams(build("llama"), DATA, [2], tmp_path, progress=False)
    array = one.stream(2).numpy()
    assert not array.flags.writeable
    assert np.shares_memory(array, one.stream(2).shards()[0].numpy())


def test_verify_passes_what_was_written_and_names_a_shard_with_one_flipped_bit(copy):
    ActivationStore(copy).verify()
    path = sorted(copy.glob("shard-*"))[2]
    content = bytearray(path.read_bytes())
    content[-3] ^= 4
    path.write_bytes(content)
    with pytest.raises(
        CollectError, match=r"in '.*shard-00000002\.safetensors' is not what was written: delete"
    ):
        ActivationStore(copy).verify()


def test_a_manifest_that_was_cut_off_is_named_with_what_to_do(copy):
    path = copy / "manifest.json"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(CollectError, match=r"manifest\.json' is damaged .* run the collection again"):
        ActivationStore(copy)


def test_a_folder_without_a_collection_is_refused(tmp_path):
    with pytest.raises(CollectError, match=r"there is no collection in .*: it has no collection\.json"):
        ActivationStore(tmp_path)


def test_an_unfinished_collection_shows_the_rows_that_are_there(copy, folder):
    (copy / "manifest.json").unlink()
    sorted(copy.glob("shard-*"))[1].unlink()
    with pytest.raises(
        CollectError, match=r"open what there is with ActivationStore\(\.\.\., unfinished=True\)"
    ):
        ActivationStore(copy)
    found = ActivationStore(copy, unfinished=True)
    assert not found.finished
    assert "unfinished" in repr(found)
    assert equal(found[:], all_of(found))
    assert len(found) < N_ROWS


# Going over all rows.


@pytest.mark.parametrize(("batch_size", "mix"), [(1, 1), (7, 1), (7, 2), (16, 3), (1000, 2), (10, 100)])
@pytest.mark.parametrize("seed", [0, 1])
def test_shuffled_batches_give_each_row_once(rows, batch_size, mix, seed):
    batches = list(rows.batches(batch_size, mix=mix, seed=seed))
    assert all(len(batch["token"]) == batch_size for batch in batches[:-1])
    found = {name: torch.cat([batch[name] for batch in batches]) for name in batches[0]}
    pairs = zip(found["document"].tolist(), found["position"].tolist(), strict=True)
    places = [rows.where(document=document).start + position for document, position in pairs]
    assert sorted(places) == list(range(N_ROWS))
    assert places != sorted(places)
    assert equal(found, rows[places])


def test_the_order_of_batches_is_that_of_the_seed(rows):
    def tokens(seed):
        return [batch["token"].tolist() for batch in rows.batches(8, seed=seed)]

    assert tokens(3) == tokens(3)
    assert tokens(3) != tokens(4)


def test_batches_that_are_not_shuffled_come_in_the_order_of_the_data(rows):
    found = torch.cat([batch["token"] for batch in rows.batches(7, shuffle=False, mix=2)])
    assert found.tolist() == [token for ids in DATA for token in ids]


def test_the_last_short_batch_can_be_left_out_and_layers_chosen(rows):
    batches = list(rows.batches(N_ROWS - 1, drop_last=True, layers=[2]))
    assert len(batches) == 1
    assert set(batches[0]) == {"layer_2", "document", "position", "token"}


@pytest.mark.parametrize("given", [{"batch_size": 0}, {"batch_size": 2, "mix": 0}, {"batch_size": True}])
def test_a_batch_of_no_rows_is_refused(rows, given):
    with pytest.raises(ValueError, match="must be a whole number of at least 1"):
        next(rows.batches(**given))


@pytest.mark.parametrize("context", ["fork", "spawn"])
def test_a_dataloader_with_workers_gives_each_row_once(rows, context):
    generator = torch.Generator().manual_seed(0)
    loader = DataLoader(
        rows, batch_size=10, shuffle=True, num_workers=2, generator=generator, multiprocessing_context=context
    )
    batches = list(loader)
    assert batches[0]["layer_1"].shape == (10, 32)
    places = torch.cat([batch["document"] * 100 + batch["position"] for batch in batches])
    everything = rows[:]
    assert places.sort().values.tolist() == (everything["document"] * 100 + everything["position"]).tolist()


def test_a_dataloader_takes_the_rows_of_one_layer(rows):
    assert torch.equal(torch.cat(list(DataLoader(rows.stream(1), batch_size=9))), rows.stream(1)[:])


# A dataset of the `datasets` library.


@pytest.mark.parametrize(
    ("dtype", "stored"), [(None, "float32"), ("float16", "float16"), ("bfloat16", "float32")]
)
def test_a_dataset_has_the_rows_and_the_numbers_of_the_store(tmp_path, dtype, stored, monkeypatch):
    import datasets

    monkeypatch.setattr(dataset, "ROWS_AT_ONCE", 8)
    found = collect_residual_streams(
        build("llama"), DATA, [1, 2], tmp_path / "in", shard_rows=25, dtype=dtype, progress=False
    )
    found.to_dataset(tmp_path / "out")
    data = datasets.load_from_disk(str(tmp_path / "out"))
    assert data.column_names == ["document", "position", "token", "layer_1", "layer_2"]
    assert data.features["layer_1"] == datasets.Sequence(datasets.Value(stored), length=32)
    assert data.features["token"] == datasets.Value("int64")
    assert len(list((tmp_path / "out").glob("data-*.arrow"))) == len(found.manifest["shards"])
    rows = data.with_format("numpy")[:]
    for name, values in found[:].items():
        expected = values.float() if values.dtype == torch.bfloat16 else values
        assert np.array_equal(np.asarray(rows[name]), expected.numpy()), name
    assert '"layers"' in data.info.description
    datasets.load_from_disk(str(tmp_path / "out")).select(range(3)).save_to_disk(str(tmp_path / "again"))


def test_a_collection_without_rows_becomes_a_dataset_without_rows(tmp_path):
    import datasets

    collect_residual_streams(build("llama"), [], [1], tmp_path / "in", progress=False).to_dataset(
        tmp_path / "out"
    )
    data = datasets.load_from_disk(str(tmp_path / "out"))
    assert len(data) == 0
    assert "layer_1" in data.features


def test_a_dataset_overwrites_nothing(rows, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    for place in (tmp_path, tmp_path / "mine.txt"):
        with pytest.raises(CollectError, match="is there already; a dataset goes into a new or empty folder"):
            rows.to_dataset(place)
    assert contents(tmp_path) == {"mine.txt": b"mine"}


def test_an_export_that_fails_leaves_nothing(copy, tmp_path_factory):
    out = tmp_path_factory.mktemp("out")
    sorted(copy.glob("shard-*"))[1].unlink()
    with pytest.raises(CollectError, match="is missing"):
        ActivationStore(copy).to_dataset(out / "dataset")
    assert list(out.iterdir()) == []


def test_the_library_keeps_its_progress_bars_as_they_were(rows, tmp_path):
    import datasets

    before = datasets.are_progress_bars_disabled()
    rows.to_dataset(tmp_path / "out")
    assert datasets.are_progress_bars_disabled() == before


def test_without_the_datasets_package_an_export_says_what_to_install(rows, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(CollectError, match="the package 'datasets' is needed: pip install datasets"):
        rows.to_dataset(tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_importing_the_library_imports_neither_datasets_nor_pyarrow():
    code = "import sys, tutorial_lib.collect; print([n for n in ('datasets', 'pyarrow') if n in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_the_manifest_is_plain_json_that_says_what_each_shard_holds(rows):
    manifest = json.loads((rows.folder / "manifest.json").read_text())
    assert manifest["finished"] is True
    assert sum(shard["rows"] for shard in manifest["shards"]) == manifest["rows"] == N_ROWS
    assert [shard["bytes"] for shard in manifest["shards"]] == [
        (rows.folder / shard["file"]).stat().st_size for shard in manifest["shards"]
    ]
    assert manifest["settings"]["layers"] == [1, 2]
