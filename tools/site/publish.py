"""Keep versions of the site on a branch.

    python -m tools.site.publish add SITE VERSION | remove VERSION.

The branch `gh-pages` has a folder for each version, the alias `latest`, and at its root the way to `latest`,
as https://github.com/jimporter/mike makes it. Mike builds a site itself; this tool hands it one that is built
and finished, as `make build VERSION_PROVIDER=mike` leaves it, stamps included.

- A release, such as 1.2.0, is kept for good. The newest one has the alias `latest`.
- `dev` is the main branch. Until there is a release it has the alias `latest`.
- `pr-7` is the preview of a pull request, which the list of versions does not show.

Nothing is pushed without `--push REMOTE`. With it the branch is taken from there first, and again when
somebody else has pushed meanwhile. Run it inside the repository.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path

from mike import commands, git_utils
from packaging.version import InvalidVersion, Version

BRANCH = "gh-pages"
LATEST = "latest"
MAIN = "dev"
PREVIEW = re.compile(r"pr-[1-9]\d*")
TRIES = 5  # as many pushes may come between


class PublishError(Exception):
    """The site cannot be published; what would be right."""


def release(version: str) -> Version | None:
    """The version as a release, None for the main branch and a preview.

    Raises:
        PublishError: it is none of them.
    """
    if version == MAIN or PREVIEW.fullmatch(version):
        return None
    try:
        found = Version(version)
    except InvalidVersion:
        found = None
    if found is None or str(found) != version:
        raise PublishError(
            f"{version!r} is no version: a release as in 1.2.0, {MAIN!r}, or a preview as in 'pr-7'"
        )
    return found


def is_latest(version: str, known: Iterable[str]) -> bool:
    """Whether a version gets the alias `latest` beside those that are there.

    Args:
        version: to be added.
        known: the versions that are there, with or without it.
    """
    new = release(version)
    releases = [each for each in map(release, known) if each is not None and not each.is_prerelease]
    if new is None:
        return version == MAIN and not releases
    return not new.is_prerelease and all(new >= each for each in releases)


def check(site: Path) -> None:
    """Raise a PublishError unless the site is built for a place among others, and finished."""
    index = site / "index.html"
    if not index.is_file() or not (site / "llms.txt").is_file():
        raise PublishError(f"{site} is no finished site: `make build VERSION_PROVIDER=mike` makes one")
    if not re.search(r'"provider":\s*"mike"', index.read_text(encoding="utf-8")):
        raise PublishError(f"{site} has no list of versions: build it with VERSION_PROVIDER=mike")


def add(site: Path, version: str) -> None:
    """Commit a built site as a version; what was there under its name is replaced."""
    known = [str(each.version) for each in commands.list_versions(BRANCH)]
    latest = is_latest(version, known)
    hidden = PREVIEW.fullmatch(version) is not None
    with (
        suppress(git_utils.GitEmptyCommit),
        commands.deploy(
            {"site_dir": str(site)},
            version,
            title="dev (unreleased)" if version == MAIN else None,
            aliases=[LATEST] if latest else [],
            update_aliases=True,
            branch=BRANCH,
            message=f"{version}, from {git_utils.get_latest_commit('HEAD', short=True)}",
            set_props=[("hidden", True)] if hidden else [],
        ),
    ):
        pass  # here mike would have the site built
    if latest:
        at_root(site)


def at_root(site: Path) -> None:
    """Let the address of the whole lead to `latest`, and show the page of `latest` for what is not found."""
    with suppress(git_utils.GitEmptyCommit):
        commands.set_default(LATEST, branch=BRANCH, message=f"The root leads to {LATEST}")
    missing = site / "404.html"
    if missing.is_file():
        with (
            suppress(git_utils.GitEmptyCommit),
            git_utils.Commit(BRANCH, f"What is not found, as {LATEST} says it") as commit,
        ):
            commit.add_file(git_utils.FileInfo(missing.name, missing.read_bytes()))


def remove(version: str) -> None:
    """Commit the branch without a preview; one that is not there is no error.

    Raises:
        PublishError: it is no preview; the others are kept.
    """
    if not PREVIEW.fullmatch(version):
        raise PublishError(f"{version!r} is no preview, as in 'pr-7'; other versions stay")
    if any(str(each.version) == version for each in commands.list_versions(BRANCH)):
        commands.delete([version], branch=BRANCH, message=f"{version} is closed")


def pushed(change: Callable[[], None], remote: str) -> None:
    """Make a change on the newest state of the branch and push it, again when somebody was faster.

    Raises:
        PublishError: the local branch has commits that were never pushed, or pushing fails for good.
    """
    for left in reversed(range(TRIES)):
        follow(remote)
        before = tip()
        change()
        if tip() == before:
            return
        try:
            git_utils.push_branch(remote, BRANCH)
            return
        except git_utils.GitError as error:
            if before:
                git_utils.update_ref(BRANCH, before)
            else:
                git_utils.delete_branch(BRANCH)
            if not left:
                raise PublishError(f"{TRIES} times in vain: {error}") from error
            print("the branch has moved, once more", file=sys.stderr)


def tip() -> str:
    """The newest commit of the branch here, empty where there is no branch."""
    return str(git_utils.get_latest_commit(BRANCH)) if git_utils.has_branch(BRANCH) else ""


def follow(remote: str) -> None:
    """Bring the branch here to where it is there.

    Raises:
        PublishError: it has commits here that are not there, or the remote does not answer.
    """
    ours, theirs = f"refs/heads/{BRANCH}", f"refs/remotes/{remote}/{BRANCH}"
    if _git("ls-remote", remote, ours):
        shallow = _git("rev-parse", "--is-shallow-repository") == "true"
        _git("fetch", "--quiet", *(["--depth=1"] if shallow else []), remote, f"+{ours}:{theirs}")
        git_utils.update_from_upstream(remote, BRANCH)
        ahead = git_utils.get_latest_commit(ours) != git_utils.get_latest_commit(theirs)
    else:
        ahead = git_utils.has_branch(ours)
    if ahead:
        raise PublishError(
            f"{BRANCH} has commits that {remote} has not: push them, or delete the branch here"
        )


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], capture_output=True, text=True)
    if done.returncode:
        raise PublishError(f"git {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout.strip()


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    todo = parser.add_subparsers(dest="todo", required=True)
    adding = todo.add_parser("add", help="put a built site under a version")
    adding.add_argument("site", type=Path)
    removing = todo.add_parser("remove", help="take a preview away")
    for each in (adding, removing):
        each.add_argument("version")
        each.add_argument("--push", metavar="REMOTE", help="fetch the branch from there, and push it")
    options = parser.parse_args(arguments)
    try:
        release(options.version)  # a wrong name is an error before git is asked
        if options.todo == "add":
            check(options.site)
            change = partial(add, options.site, options.version)
        else:
            change = partial(remove, options.version)
        if options.push:
            pushed(change, options.push)
        else:
            change()
    except (PublishError, git_utils.GitError) as error:
        print(error, file=sys.stderr)
        return 1
    done = "is on" if options.todo == "add" else "is not on"
    print(f"{options.version} {done} {BRANCH}{f' of {options.push}' if options.push else ', not pushed'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
