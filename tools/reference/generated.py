"""What the tools that write parts of the site share: options, and writing or naming what is stale."""

import argparse
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from tools import ROOT


def parser(doc: str | None) -> argparse.ArgumentParser:
    """A tool's options: `--check` and `--docs`.

    Args:
        doc: of the tool; its first line is the help.
    """
    made = argparse.ArgumentParser(description=(doc or "").split("\n")[0])
    made.add_argument("--check", action="store_true", help="write nothing, fail when something is stale")
    made.add_argument("--docs", type=Path, default=ROOT / "docs")
    return made


def between(text: str, begin: str, end: str, by: str) -> str:
    """The text with what stands between two marks replaced; the marks stay.

    Args:
        text: of a page that is otherwise written by hand.
        begin: the first mark; where it stands more than once, the first of them.
        end: the mark that ends the part, the next one after it.
        by: the new part, with the line breaks around it.
    """
    start = text.index(begin) + len(begin)
    return f"{text[:start]}{by}{text[text.index(end, start) :]}"


def bring_up_to_date(
    files: Mapping[Path, str],
    known: Iterable[Path],
    options: argparse.Namespace,
    *,
    tool: str,
    stale_is: Callable[[Path], str] = lambda to: "",
    orphan_is: str = "",
) -> int:
    """Write the files that are not what they should be and remove those that have no source any more.

    With `--check` they are only named.

    Args:
        files: each file that the tool makes, and its text.
        known: the files that are there now and that the tool would have made; others are left alone.
        options: of `parser`.
        tool: the file of the tool, for the command that mends.
        stale_is: ends the line about a stale file.
        orphan_is: ends the line about a file without a source.

    Returns:
        The exit code: 1 with `--check` when there is something to mend.
    """
    root = options.docs.resolve().parent
    stale = [to for to, text in files.items() if not to.exists() or to.read_text(encoding="utf-8") != text]
    orphans = sorted(set(known) - set(files))
    for to in stale:
        name = to.relative_to(root).as_posix()
        if options.check:
            print(f"stale: {name}{stale_is(to)}")
            continue
        to.parent.mkdir(parents=True, exist_ok=True)
        to.write_text(files[to], encoding="utf-8", newline="\n")
        print(f"wrote {name}")
    for to in orphans:
        name = to.relative_to(root).as_posix()
        if options.check:
            print(f"orphan: {name}{orphan_is}")
            continue
        to.unlink()
        print(f"removed {name}")
    if options.check and (stale or orphans):
        print(f"mend with: python tools/{tool}")
    return int(options.check and bool(stale or orphans))
