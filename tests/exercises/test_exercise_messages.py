"""What a student is told when nothing was returned, the code raised an exception, or a file is no text."""

import io
import sys
from pathlib import Path

import pytest
import torch

from tutorial_lib.checker import report
from tutorial_lib.checker.in_process import case_specs, check_source
from tutorial_lib.checker.local import LocalRunner
from tutorial_lib.checker.report import Report
from tutorial_lib.exercises.catalog import get_exercise
from tutorial_lib.exercises.checking import Wrong, expect_same, expect_tensor
from tutorial_lib.workspace.student_files import read_source

CAPTURE = get_exercise("03_residual/capture")
ANSWER = """
import torch
from tutorial_lib import add_hooks, find_blocks

def capture(model, layer, input_ids):
    found = []

    def keep(module, args):
        {}

    with torch.no_grad(), add_hooks([(find_blocks(model)[layer], keep)]):
        model(input_ids)
    return found[0]
"""


def checked(line: str) -> Report:
    """The report on an answer whose hook has this line."""
    return check_source(CAPTURE, ANSWER.format(line), case_specs(CAPTURE, seed=1, models=("box",)))


def test_none_is_shown_as_what_was_returned() -> None:
    for expect in (
        lambda: expect_tensor(None, "what you returned"),
        lambda: expect_same(None, torch.ones(1), "what you returned"),
    ):
        with pytest.raises(Wrong) as wrong:
            expect()
        assert wrong.value.seen == "None: is a `return` missing?"


def test_where_nothing_is_said_to_be_seen_nothing_is_shown() -> None:
    assert Wrong("name", "message").seen is None


@pytest.mark.parametrize(
    ("line", "advice"),
    [
        ("found.append(args.clone())", "the tensor is its first element."),
        ("found.append(arg[0].clone())", "Is an import missing, or a name misspelt?"),
        ("found += [args[0].clone()]", "needs `nonlocal`."),
        ("found.append(args[0].clone()); return args[0].shape", "return something by accident?"),
        ("input()", "A check has no keyboard, so `input` does not work in it."),
        ("raise __import__('bdb').BdbQuit", "`breakpoint()` does not work in a check"),
    ],
)
def test_the_likeliest_exceptions_come_with_advice(
    monkeypatch: pytest.MonkeyPatch, line: str, advice: str
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())  # as in the processes that check
    found = checked(line)
    assert found.outcome == report.CRASHED
    assert advice in found.message


def test_after_an_exception_the_report_says_where_to_read() -> None:
    found = checked("1 / 0")
    assert found.see == CAPTURE.chapter
    assert f"  read:     {CAPTURE.chapter}" in str(found)
    assert f"- read: `{CAPTURE.chapter}`" in found._repr_markdown_()
    assert Report.from_dict(found.to_dict()) == found


def test_an_empty_file_names_the_command_that_brings_the_starter_back() -> None:
    for found in (check_source(CAPTURE, "# soon\n"), LocalRunner().check(CAPTURE, "# soon\n")):
        assert "`hooking reset 03_residual/capture`" in found.message


@pytest.mark.parametrize(
    "content",
    ["# é\n".encode("latin-1"), "x = 1\n".encode("utf-16"), b"x = 1\n" * 3 + b"\xe9", b"# coding: no-such\n"],
    ids=["latin-1", "utf-16", "further down", "unknown declaration"],
)
def test_a_file_that_is_no_text_is_to_be_saved_as_utf_8(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "answer.py").write_bytes(content)
    with pytest.raises(SyntaxError, match="save the file as UTF-8"):
        read_source(tmp_path / "answer.py")


def test_a_file_with_null_bytes_is_to_be_saved_as_utf_8() -> None:
    found = check_source(CAPTURE, "x = 1\0")
    assert found.outcome == report.SYNTAX_ERROR
    assert found.message.endswith("Save the file as UTF-8.")
