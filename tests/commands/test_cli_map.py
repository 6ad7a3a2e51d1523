"""`hooking map` prints what is known about a model, and says what is wrong with what it was given."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tutorial_lib import tiny_model
from tutorial_lib.cli import app

BOX = str(tiny_model.path())


def hooking(*arguments: str):
    return CliRunner().invoke(app, list(arguments), env={"COLUMNS": "200"})


@pytest.fixture(autouse=True)
def no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TUTORIAL_MODEL", raising=False)


def test_without_a_model_the_box_is_mapped_and_verified():
    run = hooking("map")
    assert run.exit_code == 0, run.output
    assert run.output.startswith("the model in the box\nLlamaForCausalLM: 4 layers, d_model 128, pre-norm\n")
    assert "model.layers[i].self_attn" in run.output
    assert "bit for bit at all 4 blocks" in run.output
    assert "input + self_attn + mlp" in run.output
    assert run.output.endswith("The residual stream can be read and edited at the input of every block.\n")


def test_the_variable_names_the_model_if_no_argument_does(monkeypatch):
    monkeypatch.setenv("TUTORIAL_MODEL", BOX)
    run = hooking("map", "--no-verify")
    assert run.exit_code == 0
    assert run.output.startswith(BOX)


def test_a_folder_is_mapped_and_no_verify_stops_after_the_map():
    run = hooking("map", BOX, "--no-verify")
    assert run.exit_code == 0
    assert "embedding     model.embed_tokens" in run.output
    assert "hidden_states" not in run.output


def test_json_is_one_object_with_map_and_checks():
    run = hooking("map", BOX, "--json")
    found = json.loads(run.stdout)
    assert found["model"] == BOX
    assert found["map"]["blocks_path"] == "model.layers"
    assert found["map"]["n_layers"] == 4
    assert found["verification"]["ok"] is True
    names = [check["name"] for check in found["verification"]["checks"]]
    assert names == [
        "blocks found",
        "input = hidden_states",
        "final norm",
        "zero edit",
        "edit",
        "calls in generate",
        "nothing left behind",
    ]
    assert json.loads(hooking("map", BOX, "--json", "--no-verify").stdout)["verification"] is None


def test_a_type_is_mapped_in_its_own_size_and_verified_in_a_tiny_one():
    run = hooking("map", "--config", "mistral")
    assert run.exit_code == 0, run.output
    assert "MistralForCausalLM: 32 layers, d_model 4096, pre-norm" in run.output
    assert "a tiny random model of the same architecture" in run.output
    assert "bit for bit at all 4 blocks" in run.output


def test_a_config_file_is_mapped_with_its_own_settings(tmp_path):
    settings = {"model_type": "gpt_neox", "num_hidden_layers": 7, "hidden_size": 96, "num_attention_heads": 6}
    file = tmp_path / "config.json"
    file.write_text(json.dumps({**settings, "use_parallel_residual": False}))
    found = json.loads(hooking("map", "--config", str(file), "--json").stdout)
    assert (found["map"]["n_layers"], found["map"]["d_model"]) == (7, 96)
    assert found["map"]["kind"] == found["verification"]["kind"] == "pre-norm"
    parallel = json.loads(hooking("map", "--config", "gpt_neox", "--json").stdout)
    assert parallel["verification"]["kind"] == "parallel"
    folder = hooking("map", "--config", str(tmp_path), "--no-verify")
    assert folder.exit_code == 0


def test_a_stream_that_is_not_one_stream_ends_with_exit_code_1_and_the_reason():
    run = hooking("map", "--config", "xlnet")
    assert run.exit_code == 1
    assert "The residual stream is not one stream to read and edit: " in run.output
    assert "[seq, batch, d_model]" in run.output


def refused(*arguments: str) -> str:
    run = hooking("map", *arguments)
    assert run.exit_code == 2, run.output
    assert run.stdout == ""
    assert run.stderr.startswith("error: ")
    return run.stderr


def test_a_model_that_is_not_there_is_refused_with_what_was_tried(tmp_path):
    missing = str(tmp_path / "nothing")
    said = refused(missing)
    assert missing in said
    assert "does not exist" in said
    assert "no local folder of that name" in refused("no-such-model-anywhere")


def test_a_type_given_as_a_model_is_told_about_config():
    assert "write: hooking map --config llama" in refused("llama")


def test_a_misspelt_type_gets_close_ones():
    said = refused("--config", "llamma")
    assert "'llamma'" in said
    assert "close ones: llama" in said


def test_a_type_that_is_no_causal_language_model_is_refused():
    assert "'vit' is a model type, but not one of a causal language model" in refused("--config", "vit")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is not JSON"),
        ("[1]", "has no 'model_type'"),
        ('{"hidden_size": 3}', "has no 'model_type'"),
        ('{"model_type": "llamma"}', "close ones: llama"),
        ('{"model_type": "llama", "num_hidden_layers": "four"}', "no model can be made from"),
        ('{"model_type": "llama", "hidden_act": "nothing"}', "no model can be made from"),
    ],
)
def test_a_broken_config_file_is_refused_with_the_reason(tmp_path, text, said):
    file = tmp_path / "config.json"
    file.write_text(text)
    assert said in refused("--config", str(file))
    assert "does not exist" in refused("--config", str(tmp_path / "other.json"))


def test_a_model_and_a_config_together_are_refused():
    assert "not both" in refused(BOX, "--config", "llama")


def test_an_error_about_an_unknown_option_has_exit_code_2():
    assert hooking("map", "--nonsense").exit_code == 2


@pytest.mark.slow
def test_the_command_runs_as_a_process_of_its_own():
    script = Path(sys.executable).with_name("hooking")
    # What the script does, for an environment in which the package lies on the path and is not installed.
    command = (
        [script] if script.exists() else [sys.executable, "-c", "from tutorial_lib.cli import app; app()"]
    )
    run = subprocess.run([*command, "map", BOX], capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stderr
    assert "LlamaForCausalLM: 4 layers" in run.stdout
    assert run.stderr == ""


def test_help_does_not_wait_for_torch():
    code = (
        "import sys; from typer.testing import CliRunner; from tutorial_lib.cli import app; "
        "run = CliRunner().invoke(app, ['map', '--help']); "
        "assert run.exit_code == 0 and 'model' in run.output, run.output; "
        "print(sorted({'torch', 'transformers'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert run.stdout == "[]\n", run.stdout + run.stderr
