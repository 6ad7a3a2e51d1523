"""A table of mistakes: the right value first, then each row; what a row leaves out comes from the table."""

from typing import Any

import pytest
import torch

from tutorial_lib.checker.case import Case, CaseSpec
from tutorial_lib.checker.in_process import case_specs, check_source
from tutorial_lib.exercises.catalog import get_exercise
from tutorial_lib.exercises.checking import Wrong
from tutorial_lib.exercises.mistakes import Mistakes, diagnose, gives, rule_out, when

RIGHT = torch.tensor([1.0, 2.0])


def never() -> Any:
    raise AssertionError("this row is not needed")


def named(found: Any, mistakes: Mistakes, wanted: Any = RIGHT, **options: Any) -> Wrong:
    with pytest.raises(Wrong) as wrong:
        diagnose(found, wanted, mistakes, **options)
    return wrong.value


def test_the_right_value_passes_and_no_row_is_computed() -> None:
    diagnose(
        RIGHT.clone(),
        RIGHT,
        {"lazy": gives(never, "lazy"), "also_lazy": when(never, "also lazy"), "all": "all"},
    )


def test_a_mistake_that_gives_the_right_value_does_not_count() -> None:
    diagnose(RIGHT.clone(), RIGHT, {"harmless": gives(RIGHT, "no harm done")})


def test_the_first_row_that_fits_is_told_and_those_below_are_not_computed() -> None:
    mistakes = {
        "other": gives(3 * RIGHT, "three times"),
        "twice": gives(lambda: 2 * RIGHT, "twice"),
        "twice_again": gives(never, "never"),
    }
    assert (named(2 * RIGHT, mistakes).misconception, named(2 * RIGHT, mistakes).message) == (
        "twice",
        "twice",
    )


def test_without_a_row_that_fits_the_values_are_told_to_differ() -> None:
    wrong = named(5 * RIGHT, {"twice": gives(2 * RIGHT, "twice")}, what="your sum")
    assert (wrong.misconception, wrong.message) == ("other_values", "your sum has other values")
    assert named(None, {"twice": gives(2 * RIGHT, "twice")}).misconception == "no_tensor"
    assert named(["a"], {}, wanted=["b"]).message == "what you returned has other values"


def test_a_message_alone_always_fits() -> None:
    assert (
        named(5 * RIGHT, {"twice": gives(2 * RIGHT, "twice"), "rest": "something else"}).misconception
        == "rest"
    )


@pytest.mark.parametrize(
    ("row", "options", "expected", "seen"),
    [
        (when(True, "no"), {}, "tensor [2] float32 with 1, 2", "tensor [2] float32 with 2, 4"),
        (when(True, "no"), {"expected": "one", "seen": "two"}, "one", "two"),
        (when(True, "no", expected="a", seen=lambda: "b"), {"expected": "one", "seen": "two"}, "a", "b"),
        (
            when(True, "no", seen=None),
            {"seen": "two"},
            "tensor [2] float32 with 1, 2",
            "None: is a `return` missing?",
        ),
    ],
    ids=["neither", "the table", "the row", "nothing returned"],
)
def test_what_is_shown_is_the_rows_then_the_tables_then_the_values(
    row: Any, options: dict[str, Any], expected: str, seen: str
) -> None:
    wrong = named(2 * RIGHT, {"row": row}, **options)
    assert (wrong.expected, wrong.seen) == (expected, seen)


def test_a_row_has_a_section_of_its_own_and_a_message_made_when_it_is_needed() -> None:
    wrong = named(
        2 * RIGHT, {"row": when(True, lambda: "made late", see="chapters/1-hook-basics.md#handles")}
    )
    assert (wrong.message, wrong.see) == ("made late", "chapters/1-hook-basics.md#handles")


@pytest.mark.parametrize(
    ("found", "value"),
    [
        ([RIGHT, 2 * RIGHT], [RIGHT, 2 * RIGHT]),
        ({"a": RIGHT, "b": RIGHT}, {"a": RIGHT}),
        (["Tensor", [2, 3]], ["Tensor", [2, 3]]),
        (3, 3),
    ],
    ids=["list", "entries of a dictionary", "plain list", "number"],
)
def test_a_value_may_hold_tensors_or_be_plain(found: Any, value: Any) -> None:
    assert named(found, {"row": gives(value, "this")}, wanted="right").misconception == "row"


@pytest.mark.parametrize(
    ("found", "value"),
    [
        ([RIGHT], [RIGHT, RIGHT]),
        ([RIGHT, RIGHT], [RIGHT]),
        ([RIGHT, 2 * RIGHT], [RIGHT, RIGHT]),
        ({"b": RIGHT}, {"a": RIGHT}),
        (RIGHT, [RIGHT]),
        (None, RIGHT),
        (RIGHT * float("nan"), RIGHT * float("nan")),
        (1, True),
        (1, 1.0),
    ],
)
def test_a_value_of_another_kind_or_length_does_not_fit(found: Any, value: Any) -> None:
    rule_out({"row": gives(value, "this")}, found)


def test_the_tolerance_holds_for_the_right_value_and_for_the_rows() -> None:
    diagnose(RIGHT + 0.01, RIGHT, {"all": "all"}, tolerance=0.02)
    assert (
        named(RIGHT + 0.01, {"near": gives(RIGHT + 0.02, "near")}, tolerance=0.001).misconception
        == "other_values"
    )
    assert named(RIGHT + 0.1, {"near": gives(RIGHT + 0.11, "near")}, tolerance=0.02).misconception == "near"


def test_an_exception_that_a_table_explains_is_shown_as_what_was_seen() -> None:
    exercise = get_exercise("01_hooks/keyword_arguments")
    answer = "def attention_input(model, layer, input_ids):\n    return {}['hidden_states']\n"
    answer = answer.replace("attention_input", exercise.answer)
    found = check_source(exercise, answer, case_specs(exercise, seed=1, models=("box",)))
    assert found.misconception == "by_keyword_only"
    assert found.first is not None
    assert found.first.seen == "KeyError: 'hidden_states'"


def test_an_exception_that_no_row_explains_stays_a_crash() -> None:
    exercise = get_exercise("01_hooks/keyword_arguments")
    answer = f"def {exercise.answer}(*args):\n    return 1 / 0\n"
    found = check_source(exercise, answer, case_specs(exercise, seed=1, models=("box",)))
    assert (found.outcome, found.misconception) == ("crashed", None)


def test_a_case_gives_what_checks_compare_with() -> None:
    case = Case(CaseSpec("gpt2", seed=1))
    ids, block = case.ids(), case.map.blocks[case.layer]
    streams = case.streams(ids)
    assert len(streams) == case.n_layers + 1
    assert [
        torch.equal(one, other)
        for one, other in zip(
            case.in_and_out(ids, block)[0], streams[case.layer : case.layer + 2], strict=True
        )
    ] == [True, True]
    plain, vector = case.logits(ids), case.direction()
    steered = case.logits(ids, [(block, lambda module, args: (args[0] + vector, *args[1:]))])
    assert torch.equal(case.logits(ids, [], case.steering(lambda stream: stream + vector)), steered)
    assert not torch.equal(steered, plain)
    assert torch.equal(case.logits(ids), plain)
