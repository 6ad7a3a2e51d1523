from tutorial_lib.exercises.checking import Wrong, check, is_close
from tutorial_lib.exercises.mistakes import diagnose, gives, rule_out, when


def plain(case):
    return case.logits(case.ids(batch=2, seq=6))


def steered(case):
    """The logits with the vector added to what comes into the block."""
    hooks = case.steering(lambda stream: stream + 10 * case.direction())
    return case.logits(case.ids(batch=2, seq=6), [], hooks)


def expect_plain(case, found, misconception, message):
    """That the hook is off, so that a run of the model after it is not steered."""
    if is_close(found, plain(case)):
        return
    raise Wrong(
        misconception,
        message,
        expected="a run of the model afterwards is not steered",
        seen="it is steered still" if is_close(found, steered(case)) else "it is steered, more than once",
    )


@check("the run is steered, and its result is returned")
def steers(case, seen):
    mistakes = {
        "removed_too_early": gives(
            lambda: plain(case),
            "nothing is steered: the hook was off when run() was called",
            expected="logits with the hook on",
            seen="the logits of the model without a hook",
        ),
    }
    diagnose(seen["result"], steered(case), mistakes, "what your function returns")


@check("the hook is off after a run without an error")
def off_after_success(case, seen):
    expect_plain(case, seen["after"], "stays_after_success", "when run() gives no error, the hook stays on")


@check("the hook is off after an error")
def off_after_an_error(case, seen):
    expect_plain(
        case,
        seen["error"]["after"],
        "stays_after_an_error",
        "an error in run() jumps over `handle.remove()`, so the hook stays on",
    )


@check("the error reaches the caller")
def error_reaches_the_caller(case, seen):
    found = seen["error"]["reached"]
    mistakes = {
        "swallows_the_error": when(
            found == "no error",
            "run() failed and your function returned as if all were well; the error must reach the caller",
            seen="no error",
        ),
        "another_error": when(
            found != "RuntimeError: batch too large",
            "another error than that of run() reaches the caller",
            seen=found,
        ),
    }
    rule_out(mistakes, expected="RuntimeError: batch too large")


@check("the hook is off after Ctrl-C")
def off_after_ctrl_c(case, seen):
    expect_plain(
        case,
        seen["Ctrl-C"]["after"],
        "stays_after_ctrl_c",
        "after Ctrl-C the hook stays on: `except Exception` does not run then, a KeyboardInterrupt is none",
    )
    if not seen["Ctrl-C"]["reached"].startswith("KeyboardInterrupt"):
        raise Wrong(
            "swallows_ctrl_c",
            "your function stops a Ctrl-C, so that the user cannot end the program",
            expected="KeyboardInterrupt",
            seen=seen["Ctrl-C"]["reached"],
        )


@check("hooks of others stay on", see="chapters/7-pitfalls/1-what-you-read.md#hidden_states-is-empty")
def others_stay_on(case, seen):
    if seen["calls of the other hook"] != 1:
        raise Wrong(
            "clears_all_hooks",
            "you took off hooks that you did not put on: somebody else had one on this block",
            expected="the other hook runs once in a run after your calls",
            seen=f"it ran {seen['calls of the other hook']} times",
        )
