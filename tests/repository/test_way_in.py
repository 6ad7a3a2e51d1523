"""What GitHub, editors and newcomers read: GitHub is silent about a file that it cannot use."""

import json
import re

import pytest
import yaml

from tests import ROOT

FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("[!c]*.yml"))
PAGES = sorted((ROOT / "docs" / "contributing").glob("*.md"))
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
CODE = re.compile(r"^ *```.*?^ *```|`[^`\n]+`", re.DOTALL | re.MULTILINE)
NAMED = re.compile(
    r"(?<![\w./-])(?:(?:docs|tests|tools|tutorial_lib)/[\w./-]*\w/?|python -m (?:tools|tutorial_lib)[\w.]+)"
)


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_a_form_for_issues_is_one_that_github_shows(path):
    form = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert set(form) <= {"name", "description", "title", "labels", "body"}
    assert form["name"]
    assert form["description"]
    fields = [field for field in form["body"] if field["type"] != "markdown"]
    assert {field["type"] for field in fields} <= {"input", "textarea", "dropdown", "checkboxes"}
    assert all(field["attributes"]["label"] for field in fields)
    assert len({field["id"] for field in fields}) == len(fields) > 0
    assert any(field.get("validations", {}).get("required") for field in fields)


def test_dependabot_looks_each_week_where_there_is_something_to_update():
    updates = yaml.safe_load((ROOT / ".github" / "dependabot.yml").read_text(encoding="utf-8"))["updates"]
    assert {each["package-ecosystem"] for each in updates} == {"pip", "github-actions", "pre-commit"}
    for each in updates:
        assert each["schedule"]["interval"] == "weekly"
        for folder in each.get("directories", [each.get("directory")]):
            assert list(ROOT.glob(f"{folder}/*".lstrip("/"))), folder


def test_the_container_makes_what_the_makefile_makes_and_shows_its_port():
    container = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text(encoding="utf-8"))
    assert container["postCreateCommand"].removeprefix("make ") in TARGETS
    assert re.findall(r"^PORT \?= (\d+)$", MAKEFILE, re.MULTILINE) == [str(*container["forwardPorts"])]
    (torch,) = re.findall(r"^TORCH \?= (\S+)$", MAKEFILE, re.MULTILINE)
    assert container["containerEnv"]["TORCH"].split()[0] == torch


def test_what_git_checks_is_what_make_check_runs_from_the_same_environment():
    repos = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    (local,) = [repo["hooks"] for repo in repos if repo["repo"] == "local"]
    tools = {
        re.findall(r"^\.venv/bin/(\w+)", hook["entry"])[0] for hook in local if hook["language"] == "system"
    }
    assert tools == {"ruff", "codespell"}
    assert all(f"$(BIN)/{tool} " in MAKEFILE for tool in tools)


@pytest.mark.parametrize(
    ("message", "accepted"),
    [
        ("finish_site: process each page once\n", True),
        ("Name the thing\n\nA body with one; and another clause.\n", True),
        ("x" * 72 + "\n# Please enter the commit message\n", True),
        ("x" * 73 + "\n", False),
        ("One clause; and another\n", False),
        ("A subject\nand no blank line\n", False),
    ],
)
def test_a_subject_is_one_clause_of_at_most_72_characters(message, accepted):
    repos = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    (hook,) = [hook for repo in repos for hook in repo["hooks"] if hook["id"] == "commit-subject"]
    assert hook["args"] == ["--multiline"]  # pygrep searches the whole message, with these flags
    found = re.search(hook["entry"], message, re.MULTILINE | re.DOTALL)
    assert (found is None) is accepted


def test_contributing_is_one_screen_that_leads_to_every_page_about_it():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert text.count("\n") <= 60
    linked = set(re.findall(r"^\|.*\]\(docs/contributing/(\S+)\) \|$", text, re.MULTILINE))
    assert linked == {page.name for page in PAGES} - {"index.md"}


@pytest.mark.skipif(
    not (ROOT / "tools" / "pages").is_dir(), reason="the pages name the folders that the move to them makes"
)
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_files_modules_and_targets_that_a_page_names_exist(page):
    code = "\n".join(CODE.findall(page.read_text(encoding="utf-8")))
    named = [name.removeprefix("python -m ") for name in NAMED.findall(code) if "NAME" not in name]
    paths = [name if "/" in name else name.replace(".", "/") for name in named]
    assert [path for path in paths if not ((ROOT / path).exists() or (ROOT / f"{path}.py").exists())] == []
    assert set(re.findall(r"\bmake ([a-z-]+)", code)) <= TARGETS
