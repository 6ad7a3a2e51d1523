"""The shipped model does what its card and `evaluation.json` say; training can be interrupted."""

import json
import math

import pytest
import torch

from tools.tiny_model import card, evaluate
from tools.tiny_model.train import Run, main
from tools.tiny_model.training_batches import IGNORE, PackedRows, Recipe, copy_batch
from tutorial_lib import load_model
from tutorial_lib.tiny_model import path
from tutorial_lib.tiny_model.tokenizer import build_tokenizer


def numbers(tree, prefix=""):
    """All numbers of nested dicts and lists, by where they stand."""
    if isinstance(tree, (dict, list)):
        items = tree.items() if isinstance(tree, dict) else enumerate(tree)
        return {k: v for key, value in items for k, v in numbers(value, f"{prefix}/{key}").items()}
    return {prefix: tree}


@pytest.fixture(scope="module")
def committed():
    return json.loads((path() / "evaluation.json").read_text(encoding="utf-8"))


@pytest.mark.turn(2, 3)
def test_evaluation_json_is_what_the_weights_do(committed):
    model, tokenizer = load_model(str(path()), device="cpu", dtype=torch.float32)
    again, before = numbers(evaluate.evaluate(model, tokenizer)), numbers(committed)
    assert again.keys() == before.keys()
    # Another CPU adds in another order: shares may move by a prompt or two, sampled texts by a few.
    wrong = {
        key: (before[key], again[key])
        for key in before
        if not math.isclose(
            before[key], again[key], rel_tol=0.02, abs_tol=0.03 if "readable" in key else 0.012
        )
    }
    assert not wrong


@pytest.mark.parametrize(("title", "keys", "sign", "bound"), card.REQUIREMENTS)
def test_the_shipped_model_reaches(committed, title, keys, sign, bound):
    assert card.reached(card.value(committed, keys), sign, bound), title


@pytest.mark.parametrize(("title", "keys", "sign", "bound"), card.REQUIREMENTS)
def test_the_other_seed_reaches_it_or_the_card_says_not(title, keys, sign, bound):
    evaluation = json.loads((path() / "evaluation-seed1.json").read_text(encoding="utf-8"))
    row = next(
        line for line in (path() / "README.md").read_text().splitlines() if line.startswith(f"| {title} |")
    )
    assert ("not reached" in row) == (not card.reached(card.value(evaluation, keys), sign, bound))


def test_patching_hands_over_from_the_subject_to_the_last_token(committed):
    restored = committed["patching"]["restored by layer"]
    assert restored["country"][0] > 0.9 > 0.1 > restored["last"][0]
    assert restored["country"][-1] < 0.1 < 0.9 < restored["last"][-1]


def test_the_model_card_has_the_numbers_of_the_evaluations():
    assert (path() / "README.md").read_text(encoding="utf-8") == card.card(path()), (
        "run: python -m tools.tiny_model.card"
    )


def test_the_weights_are_small_and_the_folder_is_ordinary():
    from transformers import AutoModelForCausalLM, AutoTokenizer

    assert (path() / "model.safetensors").stat().st_size < 8_000_000
    model = AutoModelForCausalLM.from_pretrained(path())
    tokenizer = AutoTokenizer.from_pretrained(path())
    assert model.config.model_type == "llama"
    batch = tokenizer("The capital of France is", return_tensors="pt")
    assert tokenizer.decode(model(**batch).logits[0, -1].argmax()).strip() == "Paris"


def test_the_recipe_in_the_box_is_the_default_recipe():
    training = json.loads((path() / "training.json").read_text(encoding="utf-8"))
    assert Recipe(**training["recipe"]) == Recipe()


def test_lists_are_written_twice_and_only_the_second_copy_is_asked_for():
    torch.manual_seed(0)
    batch = copy_batch(Recipe(), vocab_size=1000)
    half = batch.input_ids.shape[1] // 2
    assert torch.equal(batch.input_ids[:, :half], batch.input_ids[:, half:])
    assert (batch.targets[:, :half] == IGNORE).all()
    assert torch.equal(batch.targets[:, half:], batch.input_ids[:, half:])


def test_packed_documents_attend_to_themselves_alone():
    tokenizer = build_tokenizer()
    batch = PackedRows(Recipe(rows=2, row_length=64), tokenizer).batch()
    ids, mask, positions = batch.input_ids, batch.arguments["attention_mask"], batch.arguments["position_ids"]
    assert ids.shape == (2, 64)
    assert mask.shape == (2, 1, 64, 64)
    for row in range(2):
        start = 0
        for t in range(64):
            start = t if ids[row, t] == tokenizer.bos_token_id else start
            assert positions[row, t] == t - start
            assert mask[row, 0, t].nonzero().flatten().tolist() == list(range(start, t + 1))
    kept = batch.targets != IGNORE
    assert torch.equal(batch.targets[kept], ids[kept])
    assert not kept[ids == tokenizer.bos_token_id].any()


TINY = dict(rows=2, row_length=32, d_model=16, layers=1, heads=2, d_mlp=16, copy_steps=3, skill_steps=4)
needs_muon = pytest.mark.skipif(not hasattr(torch.optim, "Muon"), reason="training needs torch >= 2.9 (Muon)")


@needs_muon
@pytest.mark.parametrize("stop_after", [2, 5])
def test_an_interrupted_run_goes_on_to_the_same_weights(tmp_path, stop_after, monkeypatch):
    whole = Run(Recipe(**TINY), tmp_path)
    whole.train(checkpoint_every=100)
    (tmp_path / "checkpoint.pt").unlink()

    half = Run(Recipe(**TINY), tmp_path)
    steps, one_step = [], half.one_step

    def interrupted(total):
        if len(steps) == stop_after:
            raise KeyboardInterrupt
        steps.append(total)
        return one_step(total)

    monkeypatch.setattr(half, "one_step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        half.train(checkpoint_every=1)
    torch.rand(3)  # other use of the generator in between does not matter
    resumed = Run(Recipe(**TINY), tmp_path)
    resumed.train()
    assert resumed.model.state_dict().keys() == whole.model.state_dict().keys()
    for name, value in whole.model.state_dict().items():
        assert torch.equal(resumed.model.state_dict()[name], value), name


@needs_muon
def test_another_recipe_does_not_go_on_from_a_checkpoint(tmp_path):
    Run(Recipe(**TINY), tmp_path).train()
    with pytest.raises(SystemExit, match="another recipe"):
        Run(Recipe(**{**TINY, "seed": 5}), tmp_path)


def test_a_finished_model_is_not_overwritten(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"mine")
    with pytest.raises(SystemExit, match="finished model"):
        main(["--out", str(tmp_path)])
    assert (tmp_path / "model.safetensors").read_bytes() == b"mine"


@needs_muon
def test_a_finished_run_is_an_ordinary_model_folder(tmp_path):
    run = Run(Recipe(**TINY), tmp_path)
    run.train()
    run.save_model()
    model, tokenizer = load_model(str(tmp_path))
    assert model.config.hidden_size == 16
    assert len(tokenizer) == model.config.vocab_size
    assert not (tmp_path / "checkpoint.pt").exists()
    assert json.loads((tmp_path / "training.json").read_text())["recipe"]["d_model"] == 16
