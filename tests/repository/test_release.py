"""What a release needs to agree on, and that a package which lacks something is not let through."""

import re
import shutil
import subprocess
import sys
import tarfile
import zipfile

import pytest
import yaml

from tests import ROOT
from tools.release import try_wheel

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


def test_the_citation_has_the_version_of_the_package_and_the_day_that_the_changelog_gives_it():
    citation = (ROOT / "CITATION.cff").read_text()
    assert re.search(rf"^version: {re.escape(VERSION)}$", citation, re.MULTILINE)
    (day,) = re.findall(r"^date-released: (.+)$", citation, re.MULTILINE)
    assert f"## {VERSION} ({day})\n" in (ROOT / "CHANGELOG.md").read_text()


@pytest.mark.parametrize(
    ("tag", "notes", "released"),
    [
        (f"v{VERSION}", "- New.", True),
        (f"v{VERSION}9", "- New.", False),
        (f"v{VERSION[:-1]}.", "- New.", False),
        (f"v{VERSION}", "", False),
    ],
)
def test_the_workflow_releases_a_tag_that_is_the_version_and_has_notes(tmp_path, tag, notes, released):
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "CHANGELOG.md").write_text(
        f"## Unreleased\n\n- Later.\n\n## {tag[1:]} (2026-11-30)\n\n{notes}\n\n"
        "## 0.0.1 (2025-01-01)\n\n- Old.\n"
    )
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "release.yml").read_text())
    (script,) = [step["run"] for step in workflow["jobs"]["package"]["steps"] if step.get("id") == "version"]
    environment = {"PATH": "/usr/bin:/bin", "GITHUB_REF_NAME": tag, "GITHUB_OUTPUT": str(tmp_path / "output")}
    ran = subprocess.run(["bash", "-e", "-c", script], cwd=tmp_path, env=environment)
    assert (ran.returncode == 0) is released
    if released:
        assert (tmp_path / "output").read_text() == f"version={VERSION}\n"
        assert (tmp_path / "notes.md").read_text().strip() == notes


def test_a_folder_with_something_in_it_is_not_built_into(tmp_path):
    (tmp_path / "old.whl").write_text("")
    with pytest.raises(SystemExit, match="is not empty"):
        try_wheel.build(tmp_path)


def test_a_wheel_that_lacks_a_file_of_the_package_is_refused(tmp_path, monkeypatch):
    def build_badly(command, folder):
        if command[1:4] != ["-m", "uv", "build"]:
            return run(command, folder)
        with zipfile.ZipFile(tmp_path / "a.whl", "w") as archive:
            archive.writestr("tutorial_lib/__init__.py", "")
        with tarfile.open(tmp_path / "a.tar.gz", "w:gz"):
            pass
        return ""

    run = try_wheel._run
    monkeypatch.setattr(try_wheel, "_run", build_badly)
    with pytest.raises(SystemExit, match=r"the wheel lacks \['tutorial_lib/"):
        try_wheel.build(tmp_path)
