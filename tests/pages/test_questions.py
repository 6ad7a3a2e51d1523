"""In a question with choices, one choice is right, and a block whose output is checked says which."""

import re
import textwrap
from dataclasses import dataclass

import pytest

from tests import ROOT

BOX = re.compile(r'^!!! question "(?P<title>.+)"\n(?P<body>(?:\n|    .*\n?)+)', re.MULTILINE)
ANSWER = re.compile(r'^\?\?\? success "Answer"\n(?P<body>(?:\n|    .*\n?)+)', re.MULTILINE)
ITEM = re.compile(r"^- (?P<text>.+(?:\n  .+)*)", re.MULTILINE)
REASON = re.compile(r"(?P<bold>\*\*(?=`[^`]+`\*\*:))?(?P<choice>`[^`]+`)(?:\*\*)?: \S")
OUTPUT = re.compile(
    r"^```python\n.+?^```\n\n<!--pytest-codeblocks:expected-output-->\n\n```text[^\n]*\n(?P<text>.*?)^```",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Question:
    """A question as it stands in Markdown.

    Attributes:
        choices: in order.
        reasons: the choice that each reason is about, and whether it is the right one.
        printed: the lines that the answer's last block prints.
    """

    title: str
    choices: list[str]
    reasons: list[tuple[str, bool]]
    printed: list[str]


def questions(text: str) -> list[Question]:
    """All questions of a page that have choices."""
    return [_read(match["title"], textwrap.dedent(match["body"])) for match in BOX.finditer(text)]


def _read(title: str, body: str) -> Question:
    answer = ANSWER.search(body)
    assert answer, f"{title}: no folded answer"
    choices = ITEM.findall(body[: answer.start()])
    folded = textwrap.dedent(answer["body"])
    reasons = []
    for item in ITEM.findall(folded):
        reason = REASON.match(item)
        assert reason, f"{title}: {item!r} is not a choice, a colon and a reason"
        reasons.append((reason["choice"], bool(reason["bold"])))
    outputs = OUTPUT.findall(folded)
    assert outputs, f"{title}: no block of code with an output answers it"
    return Question(title, choices, reasons, outputs[-1].splitlines())


def problems(question: Question) -> list[str]:
    """What is wrong with a question."""
    found = []
    if len(question.choices) < 2:
        found.append("fewer than two choices")
    if [choice for choice, _ in question.reasons] != question.choices:
        found.append("the reasons are not about the choices, in their order")
    right = [choice.strip("`") for choice, is_right in question.reasons if is_right]
    if len(right) != 1:
        found.append(f"{len(right)} right choices")
    said = [choice.strip("`") for choice in question.choices if choice.strip("`") in question.printed]
    if said != right:
        found.append(f"the code says {said}, the answer {right}")
    return found


PAGES = {
    path.relative_to(ROOT).as_posix(): path
    for path in sorted((ROOT / "docs").rglob("*.md"))
    if BOX.search(path.read_text(encoding="utf-8"))
}


def test_chapters_have_questions_with_choices() -> None:
    in_chapters = [name for name in PAGES if name.startswith("docs/chapters/")]
    assert len(in_chapters) >= 6


@pytest.mark.parametrize("page", PAGES)
def test_the_answer_of_a_question_is_what_its_code_prints(page: str) -> None:
    for question in questions(PAGES[page].read_text(encoding="utf-8")):
        assert not problems(question), question.title


GOOD = """\
!!! question "Which?"

    - `1`
    - `2`

    ??? success "Answer"

        - `1`: no, because
          of this.
        - **`2`**: yes.

        ```python
        print(2)
        ```

        <!--pytest-codeblocks:expected-output-->

        ```text title="this model"
        2
        ```

After it.
"""


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("After", "After", None),
        ("        2\n", "        1\n", "the code says ['1'], the answer ['2']"),
        ("        2\n", "        1\n        2\n", "the code says ['1', '2'], the answer ['2']"),
        ("**`2`**", "`2`", "0 right choices"),
        ("- `1`: no", "- **`1`**: no", "2 right choices"),
        ("    - `1`\n", "", "fewer than two choices"),
        ("    - `1`\n    - `2`\n", "    - `2`\n    - `1`\n", "in their order"),
    ],
)
def test_a_question_that_is_wrong_is_noticed(old: str, new: str, problem: str | None) -> None:
    assert GOOD.count(old) == 1
    (question,) = questions(GOOD.replace(old, new))
    found = problems(question)
    assert (not found) if problem is None else any(problem in each for each in found)


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ('    ??? success "Answer"', '    ??? note "Answer"', "no folded answer"),
        ("        - **`2`**: yes.", "        - **`2`**", "is not a choice, a colon and a reason"),
        ("        ```python\n", "        ```text\n", "no block of code with an output answers it"),
    ],
)
def test_a_question_without_an_answer_that_is_checked_is_refused(old: str, new: str, error: str) -> None:
    assert GOOD.count(old) == 1
    with pytest.raises(AssertionError, match=error):
        questions(GOOD.replace(old, new))
