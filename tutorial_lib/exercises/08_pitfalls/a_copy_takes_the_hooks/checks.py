from tutorial_lib.exercises.checking import Wrong, check, expect_close, is_close
from tutorial_lib.exercises.mistakes import diagnose, gives, when


def said(case, strength):
    """The logits with the vector added to what comes into the block."""
    hooks = case.steering(lambda stream: stream + strength * case.direction())
    return case.logits(case.ids(batch=2, seq=6), [], hooks)


@check("the model is steered")
def model_is_steered(case, seen):
    mistakes = {
        "takes_it_off_the_model": gives(
            lambda: said(case, 0),
            "the model is not steered: the handle belongs to the model, so remove() took the hook off there",
            expected="the model steered until the caller removes the handle",
            seen="the logits of the model without a hook",
        ),
    }
    diagnose(seen["on"]["model"], said(case, 10), mistakes, "what the steered model says")


@check("the copy is not steered")
def copy_is_plain(case, seen):
    steered = said(case, 10)
    mistakes = {
        "the_copy_has_the_hook": when(
            lambda: is_close(seen["on"]["twin"], steered) and is_close(seen["off"]["twin"], steered),
            "the copy is steered: it was made while the hook was on, and hooks are copied with the module",
            expected="the copy says what the model said before",
            seen="the copy says what the steered model says, also after handle.remove()",
        ),
        "shares_its_blocks": gives(
            steered,
            "the copy is steered as long as the model is: it has no blocks of its own",
            expected="a deep copy",
            seen="the copy is steered until handle.remove()",
        ),
    }
    diagnose(seen["on"]["twin"], said(case, 0), mistakes, "what the copy says")


@check("hooks of others are on the copy", see="chapters/7-pitfalls/1-what-you-read.md#hidden_states-is-empty")
def others_stay_on(case, seen):
    found = seen["on"]["calls of the other hook"]
    if found != 1:
        raise Wrong(
            "clears_all_hooks",
            "you took hooks off the copy that you did not put on; it is no longer the model as it was",
            expected="the other hook runs once when the copy runs",
            seen=f"it ran {found} times",
        )


@check("after handle.remove() both are plain")
def both_plain_afterwards(case, seen):
    for name, words in {"model": "the model", "twin": "the copy"}.items():
        expect_close(seen["off"][name], said(case, 0), f"what {words} says after handle.remove()")


def explain_crash(case, crash):
    return {
        "no_pair": when(
            not crash.line and ("unpack" in crash.message or "RemovableHandle" in crash.message),
            "the function is to return two things, the handle first and then the copy",
            expected="return handle, twin",
        ),
    }
