"""The page "Coming from ...": its code does the same in all three libraries, and the page is current.

What needs the peers runs in their environment, whose `bin` folder $PEERS names: `make test-peers`.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import torch

import tutorial_lib
from tests import ROOT
from tools.coming_from import coming_from_page, differences, peers
from tools.coming_from.places import PLACES, WEIGHTS
from tools.coming_from.reading import JOBS, LIBRARIES, for_family, load_job, read_job, run
from tools.coming_from.verbs import VERBS

RESULTS = json.loads((ROOT / "docs" / coming_from_page.RESULTS).read_text(encoding="utf-8"))
FAMILIES = ("llama", "gpt2")
PEERS = ("transformer_lens", "nnsight")
EDITS = ("steer", "ablate", "patch", "generate")

needs_peers = pytest.mark.skipif(
    not os.environ.get("PEERS"),
    reason="needs TransformerLens and nnsight: `make test-peers` installs them apart and runs this",
)
one_process = pytest.mark.xdist_group("coming_from")  # the comparison is made once


# Without the peers.


@pytest.fixture(scope="module")
def given() -> peers.Given:
    return peers.make()


@pytest.fixture
def in_hooks(
    given: peers.Given, tmp_path: Path, request: pytest.FixtureRequest
) -> tuple[str, dict[str, Any]]:
    """What the page's set-up makes for plain hooks, of a Llama or a GPT-2."""
    family = request.param
    set_up = load_job("set_up", family, tmp_path)
    set_up.load_model = lambda: (given.models[family], given.tokenizer)
    names = "model tokenizer parts ids clean_ids corrupt_ids texts vector".split()
    return family, dict(zip(names, run(set_up.plain, {}), strict=True))


both_families = pytest.mark.parametrize("in_hooks", FAMILIES, indirect=True)


@both_families
@pytest.mark.parametrize("name", JOBS)
def test_each_job_runs_in_plain_hooks_and_an_edit_changes_what_comes_out(
    in_hooks: tuple[str, dict[str, Any]], name: str, tmp_path: Path
) -> None:
    family, values = in_hooks
    found = run(load_job(name, family, tmp_path).plain, values)
    assert all(each.isfinite().all() and each.abs().sum() > 0 for each in found)
    if name in EDITS:
        model, ids = values["model"], values["corrupt_ids" if name == "patch" else "ids"]
        with torch.no_grad():
            if name == "generate":
                unedited = model.generate(ids, max_new_tokens=6, do_sample=False)
            else:
                unedited = model(ids).logits
        assert not torch.equal(found[0], unedited)


@both_families
def test_the_jobs_that_capture_give_what_transformers_gives(
    in_hooks: tuple[str, dict[str, Any]], tmp_path: Path
) -> None:
    family, values = in_hooks
    with torch.no_grad():
        output = values["model"](values["ids"], output_hidden_states=True, output_attentions=True)
    results = {name: run(load_job(name, family, tmp_path).plain, values) for name in JOBS}
    states = output.hidden_states
    assert torch.equal(results["one_layer"][0], states[2])
    assert torch.equal(results["one_layer"][2], states[3])
    assert torch.equal(results["every_layer"][0][:-1], torch.stack(states[:-1]))
    assert torch.equal(results["stop_early"][0], states[2])
    assert torch.equal(results["attention_pattern"][0], output.attentions[2])
    torch.testing.assert_close(results["lens"][0][-1], output.logits)
    # Padded or not, the last token of a text has the stream that it has alone.
    alone = []
    for text in values["texts"]:
        ids = values["tokenizer"](text, return_tensors="pt").input_ids
        with torch.no_grad():
            alone.append(values["model"](ids, output_hidden_states=True).hidden_states[2][0, -1])
    torch.testing.assert_close(results["collect"][0], torch.stack(alone))


def test_the_committed_page_is_current(capsys: pytest.CaptureFixture[str]) -> None:
    status = coming_from_page.main(["--check"])
    printed = capsys.readouterr()
    assert status == 0, printed.out + printed.err


def test_a_stale_page_fails_the_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reference = tmp_path / "docs" / "reference"
    reference.mkdir(parents=True)
    (reference / "coming-from.json").write_text(json.dumps(RESULTS))
    arguments = ["--docs", str(tmp_path / "docs")]
    assert coming_from_page.main([*arguments, "--check"]) == 1
    assert coming_from_page.main(arguments) == 0
    assert coming_from_page.main([*arguments, "--check"]) == 0
    worse = json.loads(json.dumps(RESULTS))
    worse["jobs"]["steer"]["llama"]["nnsight"] = 0.1
    (reference / "coming-from.json").write_text(json.dumps(worse))
    capsys.readouterr()
    assert coming_from_page.main([*arguments, "--check"]) == 1
    assert capsys.readouterr().out.endswith("mend with: python -m tools.coming_from.coming_from_page\n")


@pytest.mark.parametrize("name", JOBS)
def test_the_committed_comparison_is_of_the_code_that_stands_on_the_page(name: str) -> None:
    again = "compare again: PEERS=.venv-peers/bin python -m tools.coming_from.coming_from_page --measure"
    assert RESULTS["jobs"][name]["code"] == read_job(name).fingerprint, again


def test_the_committed_comparison_has_each_job_place_weight_verb_and_difference() -> None:
    assert tuple(RESULTS["jobs"]) == JOBS
    assert all(set(RESULTS["jobs"][name]) == {"code", *FAMILIES} for name in JOBS)
    for family in FAMILIES:
        hooks = [place.hook for place in PLACES if family in place.families]
        assert list(RESULTS["places"][family]) == hooks
        assert list(RESULTS["weights"][family]) == list(WEIGHTS[family])
    assert list(RESULTS["verbs"]) == [verb.theirs for verb in VERBS]
    assert list(RESULTS["differences"]) == [
        each.__name__ for each in differences.CLAIMS + differences.DIFFERENCES
    ]


def test_the_comparison_was_made_with_the_versions_that_are_pinned() -> None:
    groups = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for package in ("transformer-lens", "nnsight"):
        assert f'"{package}=={RESULTS["versions"][package]}"' in groups
    pins = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    assert re.search(rf"^transformers=={re.escape(RESULTS['versions']['transformers'])}( ;|$)", pins, re.M)


def test_what_the_tables_name_as_ours_is_in_the_library(given: peers.Given) -> None:
    texts = [verb.ours for verb in VERBS] + [place.library for place in PLACES]
    calls = {
        name
        for text in texts
        for code in re.findall("`([^`]+)`", text)
        for name in re.findall(r"(?<![\w.])\w+(?=\()", code)
    }
    bare = {code for text in texts for code in re.findall(r"`(\w+)`", text)} - {"args", "kwargs"}
    parts = {name for text in texts for name in re.findall(r"parts\.(\w+)", text)}
    model_map = tutorial_lib.map_model(given.llama)
    assert parts
    assert [name for name in sorted(parts) if not hasattr(model_map, name)] == []
    names = (calls | bare) - {"model", "tokenizer", "hook"}
    assert names
    assert [name for name in sorted(names) if not hasattr(tutorial_lib, name)] == []


def test_a_job_that_the_page_cannot_show_is_refused(tmp_path: Path) -> None:
    functions = [f"def {name}(ids):\n    found = ids\n    return found\n" for name in LIBRARIES]
    (tmp_path / "job.py").write_text('"""A job"""\n' + "".join(functions))
    assert read_job("job", tmp_path).code == dict.fromkeys(LIBRARIES, "found = ids\n")
    for old, new, message in (
        ("def nnsight", "def other", "must define plain, transformer_lens, nnsight"),
        ("return found", "return ids + 1", "must end in a return of names"),
        ("found = ids", f"found = ids{' + ids' * 20}", "longer than 79 characters"),
    ):
        (tmp_path / "job.py").write_text('"""A job"""\n' + "".join(functions).replace(old, new))
        with pytest.raises(ValueError, match=message):
            read_job("job", tmp_path)


def test_names_of_a_gpt2_replace_whole_names_only() -> None:
    code = "lm.model.layers[2].self_attn.o_proj.weight, model.model.norm(x), my_o_proj, model.normal"
    changed = "lm.transformer.h[2].attn.c_proj.weight.T, model.transformer.ln_f(x), my_o_proj, model.normal"
    assert for_family("gpt2", code) == changed
    assert for_family("llama", code) == code


# With the peers, in their environment.


@pytest.fixture(scope="module")
def measured() -> dict[str, Any]:
    """The comparison, made anew in a process with the peers' Python."""
    done = subprocess.run(
        [str(Path(os.environ["PEERS"]) / "python"), "-m", "tools.coming_from.compare"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    results: dict[str, Any] = json.loads(done.stdout)
    return results


def checked(result: Any) -> Any:
    """A result that is no error; an error of the other process is shown as it was."""
    if isinstance(result, dict) and "Traceback" in str(result.get("error")):
        pytest.fail(result["error"], pytrace=False)
    return result


@needs_peers
@one_process
@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("name", JOBS)
def test_a_job_gives_the_same_in_all_three_libraries(
    measured: dict[str, Any], name: str, family: str
) -> None:
    found = checked(measured["jobs"][name][family])
    for library in PEERS:
        assert found[library] <= RESULTS["jobs"][name][family][library], library
        assert RESULTS["jobs"][name][family][library] <= 1e-5, "no bound to speak of equality"


@needs_peers
@one_process
@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_the_places_and_weights_of_the_tables_hold_what_the_hook_points_hold(
    measured: dict[str, Any], family: str
) -> None:
    for hook in RESULTS["places"][family]:
        found = checked(measured["places"][family][hook])
        assert all(bound <= 1e-6 for bound in found.values()), (hook, found)
    for weight in RESULTS["weights"][family]:
        assert checked(measured["weights"][family][weight]) == 0, weight


@needs_peers
@one_process
@pytest.mark.slow
def test_what_the_tables_name_as_theirs_is_there(measured: dict[str, Any]) -> None:
    assert [verb for verb, there in measured["verbs"].items() if not there] == []


@needs_peers
@one_process
@pytest.mark.slow
@pytest.mark.parametrize("name", [each.__name__ for each in differences.CLAIMS + differences.DIFFERENCES])
def test_a_difference_is_as_the_page_says(measured: dict[str, Any], name: str) -> None:
    found = checked(measured["differences"][name])
    assert found.keys() == RESULTS["differences"][name].keys()
    for key, said in RESULTS["differences"][name].items():
        if isinstance(said, str) and re.fullmatch(r"[\d.]+(e-\d+)?", said):  # its digits are the CPU's
            assert float(said) / 10 <= float(found[key]) <= float(said) * 10, key
        else:
            assert found[key] == said, key


@needs_peers
@one_process
@pytest.mark.slow
def test_the_comparison_is_made_with_the_versions_on_the_page(measured: dict[str, Any]) -> None:
    assert measured["versions"] == RESULTS["versions"]
