"""Versions of the site on a branch of a throw-away repository and of a bare one that it pushes to."""

import json
import subprocess
from pathlib import Path

import pytest
from mike import git_utils

from tools.site import publish


def git(*arguments, folder=None):
    done = subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """A clone of a bare repository with one commit, and the current folder."""
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_NAME", "A Name")
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "name@example.org")
    git("init", "--quiet", "--bare", "--initial-branch=main", str(tmp_path / "bare"))
    git("clone", "--quiet", str(tmp_path / "bare"), str(tmp_path / "clone"))
    monkeypatch.chdir(tmp_path / "clone")
    git("commit", "--quiet", "--allow-empty", "--message=one")
    git("push", "--quiet", "origin", "HEAD:main")
    return tmp_path / "clone"


@pytest.fixture
def site(tmp_path):
    """Makes a finished site that says a word."""

    def made(word, provider="mike"):
        folder = tmp_path / f"site-{word}"
        (folder / "one").mkdir(parents=True)
        (folder / "index.html").write_text(
            f'{word} <script>{{"version": {{"provider": "{provider}"}}}}</script>'
        )
        (folder / "one/index.html").write_text(word)
        (folder / "404.html").write_text(f"{word}: not found")
        (folder / "llms.txt").write_text("# Site")
        return folder

    return made


def add(site, version, *options):
    return publish.main(["add", str(site), version, *options])


def read(name, branch="gh-pages"):
    return git_utils.read_file(branch, name, universal_newlines=True).strip()


def versions(branch="gh-pages"):
    return {each["version"]: each for each in json.loads(read("versions.json", branch))}


def test_two_releases_stand_beside_each_other_and_latest_is_the_newer_one(clone, site):
    assert add(site("old"), "0.9.0") == 0
    before = git("rev-parse", "gh-pages:0.9.0")
    assert add(site("new"), "0.10.0") == 0
    assert read("latest/one/index.html") == read("0.10.0/one/index.html") == "new"
    assert git("rev-parse", "gh-pages:0.9.0") == before
    assert {name: each["aliases"] for name, each in versions().items()} == {"0.10.0": ["latest"], "0.9.0": []}


def test_the_root_leads_to_latest_and_has_its_page_for_what_is_not_found(clone, site):
    assert add(site("old"), "1.0.0") == add(site("new"), "1.1.0") == 0
    assert 'url=latest/"' in read("index.html")
    assert read("404.html") == "new: not found"


def test_a_release_of_an_older_line_does_not_become_latest(clone, site):
    assert add(site("new"), "2.0.0") == add(site("mended"), "1.0.1") == add(site("soon"), "3.0.0rc1") == 0
    assert read("latest/one/index.html") == "new"
    assert read("404.html") == "new: not found"
    assert set(versions()) == {"2.0.0", "1.0.1", "3.0.0rc1"}


def test_the_main_branch_is_latest_until_there_is_a_release(clone, site):
    assert add(site("main"), "dev") == 0
    assert read("latest/one/index.html") == "main"
    assert add(site("release"), "0.1.0") == add(site("more"), "dev") == 0
    assert read("latest/one/index.html") == "release"
    assert read("dev/one/index.html") == "more"


def test_what_a_new_build_does_not_have_any_more_is_gone(clone, site):
    first, second = site("first"), site("second")
    (second / "one/index.html").unlink()
    assert add(first, "dev") == add(second, "dev") == 0
    assert "dev/one" not in git("ls-tree", "-r", "--name-only", "gh-pages")


def test_the_same_site_again_is_no_commit(clone, site):
    folder = site("same")
    assert add(folder, "1.0.0") == 0
    before = publish.tip()
    assert add(folder, "1.0.0") == 0
    assert publish.tip() == before


def test_a_preview_is_not_listed_and_goes_away_alone(clone, site):
    assert add(site("main"), "dev") == add(site("change"), "pr-7") == add(site("other"), "pr-8") == 0
    assert versions()["pr-7"]["properties"] == {"hidden": True}
    assert read("latest/one/index.html") == "main"
    assert publish.main(["remove", "pr-7"]) == 0
    assert set(versions()) == {"dev", "pr-8"}
    assert "pr-7" not in git("ls-tree", "--name-only", "gh-pages")
    assert publish.main(["remove", "pr-7"]) == 0  # a closed pull request may never have had one


def test_nothing_is_pushed_unless_asked(clone, site):
    assert add(site("main"), "dev") == 0
    assert "gh-pages" not in git("ls-remote", "origin")


def test_a_push_brings_the_branch_and_begins_from_what_is_there(clone, site, tmp_path, monkeypatch):
    assert add(site("old"), "1.0.0", "--push", "origin") == 0
    git("clone", "--quiet", "--depth=1", f"file://{tmp_path / 'bare'}", str(tmp_path / "other"))
    monkeypatch.chdir(tmp_path / "other")  # as a workflow checks out: one commit, one branch
    assert add(site("new"), "1.1.0", "--push", "origin") == 0
    git("fetch", "--quiet", "origin", "gh-pages", folder=clone)
    monkeypatch.chdir(clone)
    assert set(versions("origin/gh-pages")) == {"1.0.0", "1.1.0"}


def test_when_somebody_pushes_meanwhile_both_versions_are_there(clone, site, tmp_path, monkeypatch):
    assert add(site("main"), "dev", "--push", "origin") == 0
    git("clone", "--quiet", str(tmp_path / "bare"), str(tmp_path / "other"))
    sites, push, calls = [site("theirs"), site("ours")], git_utils.push_branch, []

    def late(remote, branch):
        calls.append(branch)
        if len(calls) == 1:
            monkeypatch.chdir(tmp_path / "other")
            assert add(sites[0], "1.0.0", "--push", "origin") == 0
            monkeypatch.chdir(clone)
        push(remote, branch)

    monkeypatch.setattr(git_utils, "push_branch", late)
    assert add(sites[1], "pr-3", "--push", "origin") == 0
    assert len(calls) == 3
    assert set(versions()) == {"dev", "1.0.0", "pr-3"}
    assert git("rev-parse", "gh-pages") == git("ls-remote", "origin", "gh-pages").split()[0]


def test_a_push_that_never_goes_through_is_an_error_and_leaves_the_branch_as_it_was(
    clone, site, monkeypatch, capsys
):
    def refuse(remote, branch):
        raise git_utils.GitError("no")

    monkeypatch.setattr(git_utils, "push_branch", refuse)
    assert add(site("main"), "dev", "--push", "origin") == 1
    assert "5 times in vain: no" in capsys.readouterr().err
    assert publish.tip() == ""


def test_commits_that_were_not_pushed_are_not_lost_and_not_pushed_unseen(clone, site, capsys):
    assert add(site("mine"), "dev") == 0
    mine = publish.tip()
    assert add(site("new"), "1.0.0", "--push", "origin") == 1
    assert "gh-pages has commits that origin has not" in capsys.readouterr().err
    assert publish.tip() == mine


@pytest.mark.parametrize("version", ["latest", "main", "v1.0.0", "1.x", "pr-", "pr-0", "../up", "1.0-1", ""])
def test_another_name_for_a_version_is_an_error(clone, site, capsys, version):
    assert add(site("x"), version) == 1
    assert f"{version!r} is no version" in capsys.readouterr().err
    assert publish.tip() == ""


def test_a_release_cannot_be_removed(clone, site, capsys):
    assert add(site("x"), "1.0.0") == 0
    assert publish.main(["remove", "1.0.0"]) == 1
    assert "'1.0.0' is no preview" in capsys.readouterr().err
    assert set(versions()) == {"1.0.0"}


def test_a_site_that_is_not_finished_or_without_the_list_of_versions_is_refused(clone, site, capsys):
    assert add(site("plain", provider=""), "dev") == 1
    assert "build it with VERSION_PROVIDER=mike" in capsys.readouterr().err
    bare = site("bare")
    (bare / "llms.txt").unlink()
    assert add(bare, "dev") == add(Path("none"), "dev") == 1
    assert capsys.readouterr().err.count("is no finished site") == 2
    assert publish.tip() == ""
