"""load_model: from the box, a folder or the Hub, and errors that say what was tried."""

import builtins
import copy
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.tiny_families import build
from tutorial_lib import load_model


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    """No test here may reach the network, not even one that asks for a name of the Hub."""
    import huggingface_hub.constants

    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)


@pytest.fixture
def folder(tmp_path, loaded_box):
    """A model folder: a tiny Llama, and the tokenizer of the box without its padding token."""
    tokenizer = copy.deepcopy(loaded_box[1])
    tokenizer.pad_token = None
    tokenizer.padding_side = "right"
    path = tmp_path / "model"
    build("llama", vocab_size=len(tokenizer)).save_pretrained(path)
    tokenizer.save_pretrained(path)
    return path


def test_the_model_in_the_box_loads_and_runs(box):
    model, tokenizer = box
    assert not model.training
    assert model.device == torch.device("cpu")
    assert tokenizer.padding_side == "left"
    assert tokenizer.pad_token is not None
    batch = tokenizer(["the", "the the the"], return_tensors="pt", padding=True)
    assert torch.isfinite(model(**batch).logits).all()


def test_the_model_in_the_box_is_the_one_of_the_package(monkeypatch):
    from tutorial_lib import tiny_model

    monkeypatch.delenv("TUTORIAL_MODEL", raising=False)
    model, _ = load_model()
    assert Path(model.config._name_or_path) == Path(tiny_model.path())


def test_a_missing_model_in_the_box_is_reported_as_such(monkeypatch, tmp_path):
    from tutorial_lib import tiny_model

    monkeypatch.delenv("TUTORIAL_MODEL", raising=False)
    monkeypatch.setattr(tiny_model, "path", lambda: tmp_path / "gone")
    with pytest.raises(OSError, match=r"gone. \(the model in the box\). .*does not exist"):
        load_model()


def test_a_folder_loads_by_name_path_or_environment(folder, monkeypatch):
    expected = build("llama").config.hidden_size
    for name in (str(folder), folder):
        assert load_model(name)[0].config.hidden_size == expected
    monkeypatch.setenv("TUTORIAL_MODEL", str(folder))
    assert load_model()[0].config.hidden_size == expected
    monkeypatch.chdir(folder.parent)
    assert load_model("model")[0].config.hidden_size == expected


def test_a_tokenizer_without_padding_pads_with_the_end_of_sequence(folder):
    _, tokenizer = load_model(folder)
    assert tokenizer.pad_token == tokenizer.eos_token
    assert tokenizer.padding_side == "left"


@pytest.mark.parametrize("dtype", [torch.bfloat16, "bfloat16", "torch.bfloat16"])
def test_a_dtype_may_be_a_type_or_its_name(folder, dtype):
    assert load_model(folder, dtype=dtype)[0].dtype == torch.bfloat16


@pytest.mark.parametrize("dtype", [None, "auto"])
def test_without_a_dtype_a_model_comes_as_it_was_saved(folder, dtype):
    build("llama").to(torch.float16).save_pretrained(folder)
    assert load_model(folder, dtype=dtype)[0].dtype == torch.float16


@pytest.mark.parametrize("dtype", ["bfloat17", "int8", torch.int64, 16, "Tensor", ""])
def test_a_wrong_dtype_is_named_before_anything_is_loaded(dtype):
    with pytest.raises(
        ValueError, match=f"dtype {dtype!r} cannot be used; right would be 'auto', .*bfloat16"
    ):
        load_model("/nowhere", dtype=dtype)


def test_the_device_comes_from_the_argument_or_the_environment(folder, monkeypatch):
    monkeypatch.setenv("TUTORIAL_DEVICE", "meta")
    assert load_model(folder)[0].device.type == "meta"
    assert load_model(folder, device="cpu")[0].device.type == "cpu"
    monkeypatch.setenv("TUTORIAL_DEVICE", "")
    assert load_model(folder)[0].device.type == "cpu"


@pytest.mark.parametrize("device", ["gpu", "cuda:99", "cpu:x", 3.5])
def test_a_wrong_device_is_named_with_where_it_came_from(device, monkeypatch):
    with pytest.raises(
        ValueError, match=re.escape(f"device {device!r} (the argument `device`) cannot be used")
    ):
        load_model("/nowhere", device=device)
    if isinstance(device, str):
        monkeypatch.setenv("TUTORIAL_DEVICE", device)
        with pytest.raises(ValueError, match=r"\(\$TUTORIAL_DEVICE\) cannot.*Right would be 'cpu'"):
            load_model("/nowhere")


def test_a_folder_that_does_not_exist_is_named_with_where_it_came_from(monkeypatch, tmp_path):
    gone = str(tmp_path / "gone")
    with pytest.raises(
        OSError, match=r"gone' \(the argument `name`\). Tried it as a local folder, which does"
    ):
        load_model(gone)
    monkeypatch.setenv("TUTORIAL_MODEL", gone)
    with pytest.raises(OSError, match=r"gone' \(\$TUTORIAL_MODEL\)..*\nRight would be"):
        load_model()


@pytest.mark.parametrize("name", ["~/no-such-model", "./no-such-model", "no/such/model", "../no-such-model"])
def test_a_name_that_can_only_be_a_path_is_not_looked_for_on_the_hub(name):
    with pytest.raises(OSError, match=r"Tried it as a local folder, which does not exist: /[^~]*model\."):
        load_model(name)


def test_a_folder_without_a_config_or_a_file_is_told_apart(tmp_path):
    with pytest.raises(OSError, match=r"which exists and has no config.json"):
        load_model(tmp_path)
    file = tmp_path / "model.safetensors"
    file.write_bytes(b"")
    with pytest.raises(OSError, match=r"but it is a file"):
        load_model(file)


def test_a_folder_with_broken_weights_says_what_is_broken(folder):
    (folder / "model.safetensors").write_bytes(b"not weights")
    with pytest.raises(OSError, match=r"exists and has config.json.*\n.*\n.*Error: .") as caught:
        load_model(folder)
    assert caught.value.__cause__ is not None


def test_a_folder_without_weights_or_tokenizer_is_an_os_error(folder):
    (folder / "model.safetensors").unlink()
    with pytest.raises(OSError, match=r"model.safetensors"):
        load_model(folder)
    shutil.copytree(folder, folder.parent / "bare", ignore=shutil.ignore_patterns("token*", "*.jinja"))
    with pytest.raises(OSError, match=r"could not load a model"):
        load_model(folder.parent / "bare")


@pytest.mark.parametrize("name", ["no-such-model-here", "nobody/no-such-model-here", "not a name"])
def test_a_name_of_the_hub_that_cannot_be_had_says_so(name):
    with pytest.raises(OSError, match=r"could not load a model from") as caught:
        load_model(name)
    message = str(caught.value)
    assert repr(name) in message
    assert "no local folder of that name; tried it as a name on the Hugging Face Hub" in message
    assert "HF_HUB_OFFLINE forbids the network" in message
    assert type(caught.value.__cause__).__name__ in message


def test_importing_the_library_does_not_import_transformers():
    code = "import sys, tutorial_lib; sys.exit('transformers' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_everything_in_all_is_there_and_documented():
    import tutorial_lib

    assert tutorial_lib.__version__ == "0.1.0"
    for name in tutorial_lib.__all__:
        assert getattr(tutorial_lib, name).__doc__, name
    assert not set(tutorial_lib.__all__) & set(dir(builtins))
