from tutorial_lib.exercises.checking import Wrong, check
from tutorial_lib.exercises.mistakes import diagnose, gives


def steered(case, vector):
    """The logits with the vector added to what comes into the block."""
    return case.logits(case.ids(batch=2, seq=6), [], case.steering(lambda stream: stream + vector))


def vectors(case):
    return 10 * case.direction(), 10 * case.direction("other")


@check("the first call steers")
def first_call_steers(case, seen):
    strong, _ = vectors(case)
    mistakes = {
        "removed_too_early": gives(
            lambda: steered(case, 0 * strong),
            "nothing is steered: no hook of yours was on when the model ran",
            expected="the hook comes off after the run",
            seen="the logits of the model without a hook",
        ),
    }
    diagnose(seen["first"], steered(case, strong), mistakes, "what the first call returns")


@check("a call with the same vector gives the same")
def same_vector_same_logits(case, seen):
    strong, _ = vectors(case)
    mistakes = {
        "still_adds_up": gives(
            lambda: steered(case, 2 * strong),
            "each call adds the vector once more: the hook of the call before is still on the block; "
            "registering a new one does not replace it, deleting the handle does not take it off",
            expected="the second call moves the stream by 1 vector",
            seen="by 2 vectors",
        ),
    }
    diagnose(seen["again"], steered(case, strong), mistakes, "what the second call returns")


@check("a call with another vector steers with that one")
def other_vector_other_logits(case, seen):
    strong, other = vectors(case)
    mistakes = {
        "keeps_the_first_vector": gives(
            lambda: steered(case, strong),
            "a call with another vector still steers with the first one, whose hook was never taken off",
            expected="logits with the vector of this call",
            seen="logits with the vector of the first call",
        ),
    }
    diagnose(seen["other"], steered(case, other), mistakes, "what a call with another vector returns")


@check("between the calls the model is as it was")
def model_is_as_it_was(case, seen):
    _, other = vectors(case)
    mistakes = {
        "the_last_one_stays_on": gives(
            lambda: steered(case, other),
            "your function takes off the hook of the call before, so the hook of the last call is still on",
            expected="after the call, the logits of the model without a hook",
            seen="a plain run of the model is steered with the last vector",
        ),
    }
    diagnose(seen["after"], steered(case, 0 * other), mistakes, "what the model says after your calls")


@check("hooks of others stay on", see="chapters/7-pitfalls/1-what-you-read.md#hidden_states-is-empty")
def others_stay_on(case, seen):
    if seen["calls of the other hook"] != 1:
        raise Wrong(
            "clears_all_hooks",
            "you took off hooks that you did not put on: somebody else had one on this block",
            expected="the other hook runs once in a run after your calls",
            seen=f"it ran {seen['calls of the other hook']} times",
        )
