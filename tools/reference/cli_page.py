"""Write the generated parts of the page of the commands.

    python -m tools.reference.cli_page [--check] [--docs docs]

What stands between `<!-- cli: hooking NAME -->` and `<!-- end of cli -->` in docs/reference/cli.md comes from
the command's own help. To add a command, write a section

    ## hooking NAME

    <!-- cli: hooking NAME -->
    <!-- end of cli -->

    (a block of shell, `sh`, that runs it)

run this tool, and `pytest --bake` on the page.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import typer.main

from tools.reference.generated import bring_up_to_date, parser
from tutorial_lib.cli import app

PART = re.compile(r"^(<!-- cli: ([^\n]+) -->)\n.*?^(<!-- end of cli -->)$", re.MULTILINE | re.DOTALL)
SHELL = re.compile(r"^```sh\b.*?^```", re.MULTILINE | re.DOTALL)
EXIT_CODES = re.compile(r"Exit code (?P<codes>\d: .+)$", re.DOTALL)
CODE = re.compile(r"(?:^|\s)(\d{1,3}): ")


class PartsError(Exception):
    """The page or a command is not as it should be; a line for each thing to mend."""


def commands() -> dict[str, Any]:
    """The commands and sub-commands, by what one types."""

    def walk(name: str, command: Any) -> Iterator[tuple[str, Any]]:
        inner = getattr(command, "commands", None)
        if inner is None:
            yield name, command
        for word, each in (inner or {}).items():
            if not each.hidden:
                yield from walk(f"{name} {word}", each)

    return dict(walk("hooking", typer.main.get_command(app)))


def part(name: str, command: Any) -> str:
    """What a command's help says, as Markdown.

    Raises:
        PartsError: an argument or an option without help, or help that names no exit codes.
    """
    listed = [parameter for parameter in command.params if not getattr(parameter, "hidden", False)]
    if silent := [parameter.opts[0] for parameter in listed if not parameter.help]:
        raise PartsError(f"{name}: no help for {', '.join(silent)}")
    text = "\n\n".join(" ".join(paragraph.split()) for paragraph in command.help.split("\n\n"))
    ends = EXIT_CODES.search(text)
    if ends is None:
        raise PartsError(f"{name}: its help ends with no `Exit code 0: ... 2: ...`")
    arguments = [parameter for parameter in listed if not parameter.opts[0].startswith("-")]
    options = [parameter for parameter in listed if parameter.opts[0].startswith("-")]
    panels = list(dict.fromkeys(["", *map(_panel, options)]))
    usage = [name, *(o for o in map(_in_usage, options) if o), "[OPTIONS]", *map(_in_usage, arguments)]
    parts = [f"```text\n{' '.join(usage)}\n```", text[: ends.start()].strip()]
    if arguments:
        parts.append("**Arguments**\n\n" + "\n".join(_line(each) for each in arguments))
    for panel, group in groupby(sorted(options, key=lambda each: panels.index(_panel(each))), key=_panel):
        label = f"**Options: {panel}**" if panel else "**Options**"
        parts.append(f"{label}\n\n" + "\n".join(_line(each) for each in group))
    codes = CODE.split(ends["codes"])[1:]
    meanings = [f"- `{code}`: {said.strip()}" for code, said in zip(codes[::2], codes[1::2], strict=True)]
    return "\n\n".join([*parts, "**Exit codes**\n\n" + "\n".join(meanings)])


def _in_usage(parameter: Any) -> str:
    """An argument, or an option that must be given, as it stands in the usage line."""
    if parameter.opts[0].startswith("-"):
        return f"{parameter.opts[0]} {_value(parameter)}" if parameter.required else ""
    more = "..." if parameter.nargs == -1 else ""
    return f"{_value(parameter)}{more}" if parameter.required else f"[{_value(parameter)}{more}]"


def _value(parameter: Any) -> str:
    return str(parameter.metavar or parameter.opts[0].lstrip("-").replace("-", "_").upper())


def _is_flag(parameter: Any) -> bool:
    return isinstance(parameter.default, bool)


def _panel(parameter: Any) -> str:
    return parameter.rich_help_panel if isinstance(parameter.rich_help_panel, str) else ""


def _line(parameter: Any) -> str:
    if not parameter.opts[0].startswith("-"):
        names = f"`{_value(parameter)}`"
    else:
        value = "" if _is_flag(parameter) else f" {_value(parameter)}"
        names = ", ".join(f"`{name}{value}`" for name in (*parameter.opts, *parameter.secondary_opts))
    notes = []
    if parameter.required:
        notes.append("Required.")
    if getattr(parameter, "multiple", False):
        notes.append("May be given several times.")
    default = parameter.default
    if _is_flag(parameter):
        if parameter.secondary_opts:
            notes.append(f"Default: `{(parameter.opts if default else parameter.secondary_opts)[0]}`.")
    elif default not in (None, "", ()):
        notes.append(f"Default: `{getattr(default, 'value', default)}`.")
    return " ".join([f"- {names}: {parameter.help.replace('<', '&lt;')}", *notes])


def made(docs: Path) -> dict[Path, str]:
    """The page with its parts.

    Raises:
        PartsError: a command without a section and the like.
    """
    page = docs / "reference" / "cli.md"
    text = page.read_text(encoding="utf-8")
    known = commands()
    counted = Counter(match[2] for match in PART.finditer(text))
    lines = [f"{name} has no section" for name in known if not counted[name]]
    lines += [f"{name} has {n} sections" for name, n in counted.items() if n > 1]
    lines += [f"there is no command `{name}`" for name in counted if name not in known]
    for section in re.split(r"^(?=## )", text, flags=re.MULTILINE):
        heading = section.split("\n")[0].removeprefix("## ")
        for match in PART.finditer(section):
            if heading != match[2]:
                lines.append(f"{heading}: the heading must be that of the one command, {match[2]}")
            runs = rf"^(?:.* )?{re.escape(match[2])}\b"
            if not re.search(runs, "".join(SHELL.findall(section)), re.MULTILINE):
                lines.append(f"{heading}: no block of sh that runs `{match[2]}`")
    if lines:
        raise PartsError("\n".join([*lines, "How a section is written: tools/reference/cli_page.py"]))
    return {
        page: PART.sub(lambda match: f"{match[1]}\n\n{part(match[2], known[match[2]])}\n\n{match[3]}", text)
    }


def main(arguments: list[str] | None = None) -> int:
    options = parser(__doc__).parse_args(arguments)
    try:
        files = made(options.docs.resolve())
    except PartsError as error:
        print(error, file=sys.stderr)
        return 1
    return bring_up_to_date(files, (), options, tool="reference.cli_page")


if __name__ == "__main__":
    sys.exit(main())
