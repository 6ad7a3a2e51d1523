"""What the answer is called with is described in `observe.py`.

On every set an honest probe is wrong about the turned test rows and no others. So its accuracy is known, and
its method does not matter.
"""

from tutorial_lib.exercises.checking import Wrong, check
from tutorial_lib.exercises.mistakes import rule_out, when

N_TEST = 60
ROWS = 2.1  # a probe of another kind may be wrong about two rows more, or fewer


def share_turned(case, name):
    return case.number(f"turned {name}", 6, 18) / N_TEST


def near(found, wanted, rows=ROWS):
    return abs(found - wanted) <= rows / N_TEST


def held_out(name):
    return f"on the {N_TEST} test rows of the {name} set"


@check("the function returns two numbers from 0 to 1")
def two_numbers(case, seen):
    for returned in seen.values():
        numbers = isinstance(returned, list) and len(returned) == 2
        numbers = numbers and all(type(value) in (int, float) for value in returned)
        if not numbers or not all(0 <= value <= 1 for value in returned):
            raise Wrong(
                "no_two_numbers",
                "what you returned is not two shares",
                expected="(accuracy, control), each from 0 to 1",
                seen=returned,
            )


@check("the accuracy is that on rows which the probe has not seen")
def on_held_out_rows(case, seen):
    wanted = {name: 1 - share_turned(case, name) for name in ("plain", "leaky")}
    found = {name: seen[name][0] for name in wanted}
    if all(near(found[name], wanted[name]) for name in wanted):
        return
    expected = f"{wanted['plain']:.3f} {held_out('plain')}, some of which have a label that nothing tells"
    name = next(name for name in wanted if not near(found[name], wanted[name]))
    mistakes = {
        "tests_on_training_rows": when(
            near(found["plain"], 1, 0.1),
            "you measured the accuracy on the rows that the probe was fitted on",
            seen=f"{found['plain']:.3f}, the accuracy on the training rows",
        ),
        "fits_on_test_rows": when(
            near(found["leaky"], 1, 0.1),
            "the probe was fitted on the test rows as well: it knows a mark that is in these alone",
            expected=f"{wanted['leaky']:.3f} {held_out('leaky')}; no training row has the mark",
            seen=f"{found['leaky']:.3f}",
        ),
        "counts_the_errors": when(
            near(found["plain"], 1 - wanted["plain"]),
            "your share is that of the wrong answers, or your signs are turned round",
            seen=f"{found['plain']:.3f}",
        ),
        "other_accuracy": when(
            True,
            "your probe does not find a direction along which the two kinds lie far apart",
            expected=f"{wanted[name]:.3f} {held_out(name)}",
            seen=f"{found[name]:.3f}",
        ),
    }
    rule_out(mistakes, expected=expected)


@check("it makes no difference where the streams lie")
def anywhere(case, seen):
    wanted, found = 1 - share_turned(case, "shifted"), seen["shifted"][0]
    if not near(found, wanted, 5.1):
        raise Wrong(
            "forgets_the_threshold",
            "your border is far off: subtract the training rows' mean, or fit a threshold until it settles",
            expected=f"{wanted:.3f} {held_out('shifted')}, whose kinds lie at 0 and at 8",
            seen=f"{found:.3f}",
        )


@check("nothing is taken from the test rows")
def nothing_of_the_test_rows(case, seen):
    wanted, found = 1 - share_turned(case, "one-sided"), seen["one-sided"][0]
    if not near(found, wanted):
        raise Wrong(
            "centres_the_test_rows_alone",
            "your probe fails when nearly all test rows are of one kind: its mean or border comes from them",
            expected=f"{wanted:.3f} {held_out('one-sided')}, with everything taken from the training rows",
            seen=f"{found:.3f}",
        )


@check(
    "the control is the same probe with the training labels in another order",
    see="chapters/5-examples/probes.md#three-controls",
)
def is_a_control(case, seen):
    wanted, found = share_turned(case, "plain"), seen["plain"][1]
    expected = f"{wanted:.3f} {held_out('plain')}, where the order gives each training row the other label"
    if not near(found, wanted):
        mistakes = {
            "shuffles_both": when(
                near(found, 1 - wanted),
                "your control is as good as the probe: were the rows reordered along with their labels?",
                seen=f"{found:.3f}, as without a shuffle",
            ),
            "control_on_training_rows": when(
                near(found, 1, 0.1) or near(found, 0, 0.1),
                "you measured the control on the training rows; it is measured where the accuracy is",
            ),
            "other_control": "your control has another accuracy",
        }
        rule_out(mistakes, expected=expected, seen=f"{found:.3f}")
    same, (accuracy, control) = 1 - share_turned(case, "one-sided"), seen["one-sided"]
    if not near(control, same):
        raise Wrong(
            "no_second_fit",
            "your control does not follow the labels that it is given",
            expected=f"{same:.3f} {held_out('one-sided')}, where the order changes no training row's label",
            seen=f"{control:.3f}, beside an accuracy of {accuracy:.3f}",
        )


@check("it works on the model's streams: which of two words is the last one?")
def on_streams(case, seen):
    wanted, (accuracy, control) = 1 - share_turned(case, "words"), seen["words"]
    if not near(accuracy, wanted, 3.1) or not near(control, 1 - wanted, 3.1):
        raise Wrong(
            "other_accuracy",
            f"on streams before block {case.layer} your probe does not tell the two words apart",
            expected=f"{wanted:.3f} and {1 - wanted:.3f} {held_out('words')}",
            seen=f"{accuracy:.3f} and {control:.3f}",
        )


def explain_crash(case, crash):
    return {
        "shuffles_the_test_labels": when(
            crash.type_name == "IndexError" and f"with size {N_TEST}" in crash.message,
            "you shuffled the test labels; the control is a second fit, on shuffled training labels",
            expected="train_labels[order], and test_labels as they are",
            see="chapters/5-examples/probes.md#three-controls",
        ),
    }
