"""What a release needs to agree on, and that a package which lacks something is not let through."""

import re
import sys
import tarfile
import zipfile

import pytest

from tests import ROOT
from tools.release import try_wheel

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def test_the_citation_has_the_version_of_the_package():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert re.search(rf"^version: {re.escape(version)}$", (ROOT / "CITATION.cff").read_text(), re.MULTILINE)


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
