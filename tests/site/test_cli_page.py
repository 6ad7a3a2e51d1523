"""The page of the command says what its help says, for every command and option."""

import shutil
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from tests import ROOT
from tools.reference import cli_page
from tutorial_lib.cli import app

PAGE = ROOT / "docs" / "reference" / "cli.md"


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    """A copy of the page."""
    (tmp_path / "docs" / "reference").mkdir(parents=True)
    shutil.copy(PAGE, tmp_path / "docs" / "reference")
    return tmp_path / "docs"


def test_the_committed_page_is_current(capsys: pytest.CaptureFixture[str]) -> None:
    stale = cli_page.main(["--check"])
    assert not stale, "".join(capsys.readouterr())


def test_all_commands_are_found_those_in_groups_too() -> None:
    assert {"hooking map", "hooking collect", "hooking course new", "hooking export otter"} <= set(
        cli_page.commands()
    )


@pytest.mark.parametrize("name", cli_page.commands())
def test_every_option_of_the_printed_help_is_on_the_page(name: str) -> None:
    """The help as a terminal shows it, and the section, have the same options."""
    words = name.split()[1:]
    shown = CliRunner().invoke(
        app, [*words, "--help"], env={"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"}
    )
    assert shown.exit_code == 0
    listed = {word for word in shown.output.replace(",", " ").split() if word.startswith("--")} - {"--help"}
    text = PAGE.read_text(encoding="utf-8")
    section = text[text.index(f"<!-- cli: {name} -->") :]
    section = section[: section.index("<!-- end of cli -->")]
    missing = {option for option in listed if option.strip(":.") not in section}
    assert listed
    assert not missing


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("<!-- cli: hooking map -->", "", "hooking map has no section"),
        ("<!-- cli: hooking map -->", "<!-- cli: hooking list -->", "hooking list has 2 sections"),
        ("<!-- cli: hooking map -->", "<!-- cli: hooking mop -->", "there is no command `hooking mop`"),
        ("hooking map --no-verify", "hooking list", "hooking map: no block of sh that runs `hooking map`"),
        ("Default: `--verify`.", "Default: off.", "stale: docs/reference/cli.md"),
    ],
)
def test_what_is_missing_or_stale_is_named(
    docs: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, message: str
) -> None:
    page = docs / "reference" / "cli.md"
    text = page.read_text(encoding="utf-8")
    assert old in text
    page.write_text(text.replace(old, new, 1), encoding="utf-8")
    assert cli_page.main(["--check", "--docs", str(docs)]) == 1
    assert message in "".join(capsys.readouterr())


def _made(help_text: str, option_help: str | None = "Some.") -> str:
    small = typer.Typer()

    @small.command(help=help_text)
    def run(
        name: str = typer.Argument(help="Of it."), loud: bool = typer.Option(False, help=option_help)
    ) -> None: ...

    return cli_page.part("run", typer.main.get_command(small))


def test_a_command_has_usage_arguments_options_defaults_and_exit_codes() -> None:
    made = _made("Run it.\n\nExit code 0: all is\nwell. 1: not.")
    assert "```text\nrun [OPTIONS] NAME\n```\n\nRun it.\n\n" in made
    assert "- `NAME`: Of it. Required." in made
    assert "- `--loud`, `--no-loud`: Some. Default: `--no-loud`." in made
    assert made.endswith("- `0`: all is well.\n- `1`: not.")


def test_a_command_without_exit_codes_or_an_option_without_help_is_an_error() -> None:
    with pytest.raises(cli_page.PartsError, match="run: its help ends with no `Exit code"):
        _made("Run it.")
    with pytest.raises(cli_page.PartsError, match="run: no help for --loud"):
        _made("Run it.\n\nExit code 0: well.", option_help=None)
