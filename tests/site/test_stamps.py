"""A page of the built site says which of its blocks were run, and nothing that the report does not prove."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from tests import ROOT
from tools.site import stamps

pytestmark = pytest.mark.xdist_group("stamps")  # the pages are run once

pytest_plugins = ["pytester"]
PAGE = """\
# One

```python
x = 1
```

<!--pytest.mark.skip(reason="needs a key")-->
```python
x = 2
```

```python
print(x)
```

<!--pytest-codeblocks:expected-output-->

```text
1
```
"""
REPORT, NAME = "report.json", "docs/chapters/one.md"
CONFIG = "site_name: Small\ntheme:\n  name: material\n  font: false\nplugins: []\n"


WHO = {f"GIT_{each}_{what}": "a@b" for each in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
DAY = {f"GIT_{each}_DATE": "2026-11-25T12:00:00Z" for each in ("AUTHOR", "COMMITTER")}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with two pages, one of them with blocks, a commit of a known day, and its built site."""
    root = tmp_path_factory.mktemp("made")
    (root / "docs" / "chapters").mkdir(parents=True)
    (root / "docs/chapters/one.md").write_text(PAGE, encoding="utf-8")
    (root / "docs/index.md").write_text("# Home\n", encoding="utf-8")
    (root / "mkdocs.yml").write_text(CONFIG, encoding="utf-8")
    (root / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-qm", "All"]):
        subprocess.run(["git", *arguments], cwd=root, check=True, env=os.environ | WHO | DAY)
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", "site"]
    subprocess.run(command, cwd=root, check=True, env=os.environ | {"NO_MKDOCS_2_WARNING": "1"})
    return root


@pytest.fixture(scope="module")
def ran(made: Path) -> dict[str, Any]:
    """The report of its pages on the CPU."""
    return run_blocks(made)


@pytest.fixture
def small(made: Path, ran: dict[str, Any], tmp_path: Path) -> Path:
    """A copy of the repository, its site and its report."""
    return Path(shutil.copytree(made, tmp_path / "small"))


def run_blocks(root: Path, *arguments: str) -> dict[str, Any]:
    """Run the pages on the CPU, and read the report."""
    plugins = [part for name in ("tools.pages.snippets", "tools.pages.block_report") for part in ("-p", name)]
    command = [sys.executable, "-m", "pytest", "docs", "-m", "cpu", "--codeblocks", *plugins, *arguments]
    env = {key: value for key, value in os.environ.items() if not key.startswith("TUTORIAL_")}
    env["PYTHONPATH"] = str(ROOT)
    subprocess.run([*command, "--block-report", REPORT], cwd=root, env=env, capture_output=True, check=False)
    return read(root)


def read(root: Path) -> dict[str, Any]:
    return dict(json.loads((root / REPORT).read_text(encoding="utf-8")))


def rewrite(root: Path, report: dict[str, Any], name: str = REPORT) -> None:
    (root / name).write_text(json.dumps(report), encoding="utf-8")


def stamp(root: Path, *reports: str) -> int:
    files = [str(root / report) for report in reports or (REPORT,)]
    return stamps.main([str(root / "site"), "--docs", str(root / "docs"), "--from", *files])


def words(root: Path, page: str = "chapters/one/") -> list[str]:
    """The stamps of a built page as text."""
    text = (root / "site" / page / "index.html").read_text(encoding="utf-8")
    found = re.findall(r'<aside class="verified".*?</aside>', text, re.DOTALL)
    return [re.sub("<[^>]+>", "", each.replace("<br>", " | ")) for each in found]


def test_a_stamp_says_what_was_run_with_what_and_when(small: Path, ran: dict[str, Any]) -> None:
    counts = ran["pages"][NAME]["devices"]["cpu"]
    assert (counts["run"], counts["skipped"], counts["failed"]) == (2, 1, 0)
    assert words(small) == []
    assert stamp(small) == 0
    assert stamp(small) == 0  # once more replaces it
    versions = f"torch {version('torch')}, transformers {version('transformers')}"
    says = (
        f"Verified: 2 blocks run, 1 skipped on the CPU in {counts['seconds']:.1f} s; {versions}; 2026-11-25"
    )
    (text,) = words(small)
    assert re.fullmatch(re.escape(says) + r", commit [0-9a-f]{7}\.", text)
    assert words(small, "") == []
    html = (small / "site/chapters/one/index.html").read_text(encoding="utf-8")
    assert html.index('<aside class="verified"') < html.rindex("</article>")


@pytest.mark.turn(1, 3)
def test_two_processes_report_what_one_does(small: Path, ran: dict[str, Any]) -> None:
    again = run_blocks(small, "-n", "2", "--dist", "loadgroup")
    for report in (ran, again):
        assert report["pages"][NAME]["devices"]["cpu"].pop("seconds") >= 0
    assert again == ran


def test_a_page_that_changed_after_the_run_loses_its_stamp(small: Path) -> None:
    assert stamp(small) == 0
    page = small / NAME
    page.write_text(page.read_text(encoding="utf-8") + "More.\n", encoding="utf-8")
    assert stamp(small) == 1
    assert words(small) == []


def test_a_page_with_a_failed_block_gets_no_stamp(small: Path) -> None:
    (small / NAME).write_text(PAGE.replace("\n1\n```", "\n2\n```"), encoding="utf-8")
    counts = run_blocks(small)["pages"][NAME]["devices"]["cpu"]
    assert (counts["run"], counts["skipped"], counts["failed"]) == (1, 1, 1)
    assert stamp(small) == 1
    assert words(small) == []


def test_a_part_of_the_blocks_proves_nothing(small: Path) -> None:
    report = read(small)
    report["pages"][NAME]["devices"]["cpu"]["run"] -= 1
    rewrite(small, report)
    assert stamp(small) == 1
    assert words(small) == []


def test_another_device_has_a_line_of_its_own(small: Path) -> None:
    report = read(small) | {"cuda": "A <GPU>"}
    devices = report["pages"][NAME]["devices"]
    devices["cuda"] = devices.pop("cpu")
    rewrite(small, report, "cuda.json")
    assert stamp(small, REPORT, "cuda.json") == 0
    (text,) = words(small)
    assert "on the CPU in" in text
    assert " | 2 blocks run, 1 skipped on CUDA (A &lt;GPU&gt;) in" in text


def test_a_device_on_which_all_is_skipped_is_not_named(small: Path) -> None:
    report = read(small)
    report["pages"][NAME]["devices"]["cuda"] = {"run": 0, "skipped": 3, "failed": 0, "seconds": 0.0}
    rewrite(small, report)
    assert stamp(small) == 0
    assert "CUDA" not in words(small)[0]


def test_without_a_repository_the_stamp_has_no_date(small: Path) -> None:
    rewrite(small, read(small) | {"date": "", "commit": ""})
    assert stamp(small) == 0
    assert words(small)[0].endswith(f"transformers {version('transformers')}.")


def test_a_run_whose_outputs_are_not_compared_is_refused(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    result = pytester.runpytest_subprocess(
        "-p", "tools.pages.snippets", "-p", "tools.pages.block_report", "--bake", "--block-report", "r.json"
    )
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--block-report is about pages that are compared*"])
    assert not (pytester.path / "r.json").exists()
