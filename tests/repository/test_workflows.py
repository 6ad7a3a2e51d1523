"""The workflows name what is there, and code of a pull request never runs where it could write."""

import re

import pytest
import yaml

from tests import ROOT

CI = ROOT / ".github" / "workflows" / "ci.yml"
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
ACTIONS = sorted((ROOT / ".github" / "actions").glob("*/action.yml"))
JOBS = [
    pytest.param(path, name, id=f"{path.stem}-{name}")
    for path in WORKFLOWS
    for name in yaml.safe_load(path.read_text())["jobs"]
]


def job_of(path, name):
    """A job of a workflow, with the permissions that it runs under."""
    workflow = yaml.safe_load(path.read_text())
    job = workflow["jobs"][name]
    return {**job, "permissions": job.get("permissions", workflow["permissions"])}


def commands(job):
    return "\n".join(step.get("run", "") for step in job.get("steps", ()))


@pytest.mark.parametrize("path", WORKFLOWS + ACTIONS, ids=lambda path: path.parent.name + "-" + path.stem)
def test_targets_tools_and_local_actions_that_are_called_exist(path):
    text = path.read_text()
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"\brun: make ([a-z-]+)", text)) <= targets
    for tool in re.findall(r"\btools/\w+\.py\b", text):
        assert (ROOT / tool).is_file(), tool
    for local in re.findall(r"uses: \$/(\S+)", text):
        assert (ROOT / local).exists(), local


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_that_gives_a_fork_the_rights_of_the_repository_is_not_used(path):
    assert "pull_request_target" not in yaml.safe_load(path.read_text())[True]  # YAML reads `on` as true


@pytest.mark.parametrize(("path", "name"), JOBS)
def test_a_job_that_may_write_runs_nothing_but_the_tool_that_publishes_and_gh(path, name):
    job = job_of(path, name)
    if "write" in job["permissions"].values():
        assert "uses" not in job
        assert set(re.findall(r"^\s*(\w+)", commands(job), re.MULTILINE)) <= {"gh"}


@pytest.mark.parametrize(("path", "name"), JOBS)
def test_only_a_job_that_may_write_keeps_the_token_on_the_disk(path, name):
    job = job_of(path, name)
    for step in job.get("steps", ()):
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is (job["permissions"].get("contents") == "write")


@pytest.mark.parametrize("name", ["publish", "remove"])
def test_a_fork_has_no_preview_to_push(name):
    job = job_of(ROOT / ".github/workflows/preview.yml", name)
    assert "github.event.pull_request.head.repo.full_name == github.repository" in job["if"]


@pytest.mark.parametrize("caller", ["pages", "preview", "release"])
def test_a_build_of_the_site_is_told_the_folder_it_will_be_in_from_where_colab_opens_notebooks(
    caller: str,
) -> None:
    site = yaml.safe_load((ROOT / ".github/workflows/site.yml").read_text(encoding="utf-8"))
    assert site["jobs"]["build"]["env"]["SITE_TREE"].startswith("${{ inputs.version && format('gh-pages/{0}'")
    jobs = yaml.safe_load((ROOT / f".github/workflows/{caller}.yml").read_text(encoding="utf-8"))["jobs"]
    built = jobs["site"]["with"]["version"]
    published = next(job for name, job in jobs.items() if name in ("publish", "release"))
    (put,) = [step["with"] for step in published["steps"] if step.get("with", {}).get("do") == "add"]
    placed = put["version"].replace("pr-${{ github.event.number }}", "format('pr-{0}', github.event.number)")
    assert placed in built


def test_each_night_runs_what_a_push_runs_with_all_turns_of_the_sweeps_and_tells_when_it_is_red() -> None:
    ci = yaml.safe_load(CI.read_text())
    nightly = yaml.safe_load((CI.parent / "nightly.yml").read_text())
    assert nightly[True]["schedule"]
    assert nightly["jobs"]["everything"]["uses"].endswith("/ci.yml")
    assert nightly["jobs"]["everything"]["with"] == {"everything": True}
    assert ci["env"]["ARGS"] == "${{ inputs.everything && '--everything' || '' }}"
    assert "github.workflow" in ci["concurrency"]["group"]  # or a push would end the night's run
    tell = nightly["jobs"]["tell"]
    assert tell["needs"] == "everything"
    assert tell["if"] == "${{ !cancelled() && needs.everything.result != 'success' }}"
    assert tell["permissions"] == {"issues": "write"}


@pytest.mark.parametrize("name", yaml.safe_load(CI.read_text())["jobs"])
def test_make_hands_pytest_the_arguments_that_ci_sets(name: str) -> None:
    (target,) = re.findall(r"\bmake ([a-z-]+)", commands(job_of(CI, name)))
    makefile = (ROOT / "Makefile").read_text()
    (recipe,) = re.findall(rf"^{target}:.*## .*\n((?:\t.*\n)+)", makefile, re.MULTILINE)
    runs = [line for line in recipe.splitlines() if "-m pytest" in line]
    assert runs
    assert all(line.endswith("$(ARGS)") for line in runs)
