"""The text of an answer's file, before anything of it runs: whether there is an answer in it at all.

Loads no torch, so that a syntax error is told at once.
"""

import ast
import warnings
from dataclasses import dataclass
from types import CodeType

from tutorial_lib.checker import report
from tutorial_lib.checker.report import model_name

# By types of the exception and a part of its message; the first one that fits is said.
_ADVICE = (
    (("EOFError",), "", "A check has no keyboard, so `input` does not work in it."),
    (("NameError",), "", "Is an import missing, or a name misspelt?"),
    (("ModuleNotFoundError", "ImportError"), "", "The imports of the starter are enough."),
    (("UnboundLocalError",), "", "A hook that assigns to a name of the function around it needs `nonlocal`."),
    (
        ("AttributeError", "TypeError"),
        "'tuple' object",
        "`args` is a tuple, and some modules' `output` is one: the tensor is its first element.",
    ),
    (("IndexError",), "tuple index", "Arguments that a module is given by keyword are not in `args`."),
    (
        ("TypeError",),
        "positional argument",
        "PyTorch calls `hook(module, args)`, or `hook(module, args, output)` for a forward hook; "
        "what the task asks for is called as the task says.",
    ),
    (
        ("TypeError",),
        "multiple values for argument",
        "What a pre-hook returns is what the module is called with: does yours return something by accident?",
    ),
    (("SyntaxError", "ValueError"), "null bytes", "Save the file as UTF-8."),
)


@dataclass(frozen=True)
class Crash:
    """An exception that an answer ended in.

    Attributes:
        type_name: such as `"IndexError"`.
        message: of the exception.
        line: of the answer, the last one on the way to the exception; 0: none of its lines.
        code: what stands in that line.
        traceback: the whole one, cut.
    """

    type_name: str
    message: str
    line: int = 0
    code: str = ""
    traceback: str = ""

    @property
    def text(self) -> str:
        """The type and the message, as at the end of a traceback."""
        return f"{self.type_name}: {self.message}"


class AnswerProblem(Exception):  # noqa: N818 - a file that holds no answer is no error of the program
    """A file from which no answer can be taken."""

    def __init__(self, kind: str, crash: Crash | None = None) -> None:
        super().__init__(kind)
        self.kind, self.crash = kind, crash


def compile_answer(source: str, starter: str, filename: str = "answer.py") -> CodeType:
    """The code of a student's file.

    Args:
        source: the text of the file.
        starter: what the student began with.
        filename: for tracebacks.

    Raises:
        AnswerProblem: it is empty, still the starter, or no Python.
    """
    try:
        code = compile(source, filename, "exec")
        if is_empty(source):
            raise AnswerProblem(report.EMPTY)
        if same_code(source, starter):
            raise AnswerProblem(report.NOT_ATTEMPTED)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None) or 0
        message = getattr(error, "msg", None) or str(error)
        code_line = (getattr(error, "text", None) or "").strip()
        raise AnswerProblem(
            report.SYNTAX_ERROR, Crash(type(error).__name__, message, line, code_line)
        ) from error
    return code


def is_empty(source: str) -> bool:
    """Whether nothing is there but comments and texts.

    Raises:
        SyntaxError: it is no Python.
    """
    body = _parse(source).body
    return all(isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant) for part in body)


def same_code(source: str, other: str) -> bool:
    """Whether two files say the same to Python, whatever their comments and layout.

    Raises:
        SyntaxError: one of them is no Python.
    """
    return ast.dump(_parse(source)) == ast.dump(_parse(other))


def in_words(
    kind: str, answer: str, crash: Crash | None = None, model: str = "box", exercise: str = "NAME"
) -> str:
    """What ended an answer before a check had a say, for the student.

    Args:
        kind: an outcome, such as `report.SYNTAX_ERROR`.
        answer: the name that the file must define.
        crash: what is known of the exception.
        model: of the case.
        exercise: its name, for a command to copy.
    """
    crash = crash or Crash("", "")
    where = (
        f"line {crash.line}" + (f", `{crash.code}`" if crash.code else "")
        if crash.line
        else "no line of yours"
    )
    cause = crash.type_name + (f": {crash.message}" if crash.message else "")
    on = model_name(model)
    if crash.type_name == "BdbQuit":  # of `breakpoint()` and of pdb
        return "`breakpoint()` does not work in a check, which has no keyboard: use `print`."
    words = {
        report.NOT_ATTEMPTED: "It is still the starter: nothing has been written yet.",
        report.EMPTY: f"The file is empty. `hooking reset {exercise}` brings the starter back and keeps it.",
        report.SYNTAX_ERROR: f"Python cannot read the file: {cause} ({where}).{_advice(crash)}",
        report.MISSING: f"The file does not define `{answer}`, which the task asks for.",
        report.CRASHED: f"Your code raised {cause} ({where}) on {on}.{_advice(crash)}",
        report.EXITED: f"Your code ended the process ({where}) instead of returning.",
        report.TIMED_OUT: f"Your code did not come to an end in time on {on}: is there a loop without end?",
        report.OUT_OF_MEMORY: f"Your code used more memory than it may ({where}) on {on}.",
    }
    return words.get(kind, kind)


def _advice(crash: Crash) -> str:
    """A sentence on the likeliest cause of an exception, a space before it; empty where none is likely."""
    for types, part, sentence in _ADVICE:
        if crash.type_name in types and part in crash.message:
            return " " + sentence
    return ""


def _parse(source: str) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)  # Python says them when it compiles the file
        return ast.parse(source)
