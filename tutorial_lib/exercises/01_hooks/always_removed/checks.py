from tutorial_lib.exercises.checking import Wrong, check, expect_close, expect_same, is_close
from tutorial_lib.exercises.mistakes import diagnose, gives, rule_out, when

STAYS = "chapters/1-hook-basics.md#when-something-fails-hooks-stay"


@check("inside the block the hooks are on", see="chapters/1-hook-basics.md#the-context-manager")
def are_on(case, seen):
    add, scale, far = pairs(case)
    expect_close(seen["before"], says(case, []), "what the model says before")
    mistakes = {
        "never_on": gives(
            lambda: says(case, []),
            "inside the `with` block the model says what it says without hooks",
            expected=f"hooks on layers {case.layer} and {case.other_layer}",
            seen="none",
        ),
        "in_another_order": gives(
            lambda: says(case, [scale, add, far]),
            "the two hooks of one block run in another order than the list has",
            expected="add, then scale",
            seen="scale, then add",
            see="chapters/1-hook-basics.md#the-order-of-hooks",
        ),
    }
    diagnose(seen["inside"], says(case, [add, scale, far]), mistakes, "what the model says inside the block")


@check("after the block the model says exactly what it said before", see=STAYS)
def are_off(case, seen):
    add, scale, far = pairs(case)
    mistakes = {
        "removes_only_the_last": gives(
            lambda: says(case, [add, scale]),
            "the last hook of the list is off, the two before it are still on: keep every handle, not one",
            seen=f"two hooks on layer {case.layer}",
        ),
        "never_removes": gives(
            lambda: says(case, [add, scale, far]),
            "after the block all the hooks are still on",
            seen="three hooks",
        ),
    }
    rule_out(mistakes, seen["after"], expected="no hook on the model")
    expect_same(seen["after"], seen["before"], "what the model says after the block")


@check("an error in the body takes the hooks off and goes on to the caller", see=STAYS)
def survives_an_error(case, seen):
    goes_on("Bug", "an exception", seen)
    if not is_close(seen["after Bug"], seen["before"]):
        raise Wrong(
            "no_finally",
            "the body ended in an exception, and your hooks are still on: "
            "what follows a plain `yield` does not run then",
            expected="the logits of the model without hooks",
            seen="other logits, after the error",
        )
    goes_on("Interrupt", "an error that is no Exception, as KeyboardInterrupt", seen)
    if not is_close(seen["after Interrupt"], seen["before"]):
        raise Wrong(
            "only_for_exceptions",
            "KeyboardInterrupt is no `Exception`: after an error of that sort your hooks are still on",
            expected="removal in a `finally`, which runs for every error",
            seen="hooks that are on after Ctrl-C",
        )
    for then in ("after Bug", "after Interrupt"):
        expect_same(seen[then], seen["before"], "what the model says after an error in the body")


@check("a broken pair leaves no hook behind", see=STAYS)
def survives_a_broken_pair(case, seen):
    if seen["raised by a broken pair"] == "nothing":
        raise Wrong(
            "hides_a_broken_pair",
            "one of the pairs has None in the place of the module, and nobody was told",
            expected="an error",
            seen="none",
        )
    if not is_close(seen["after a broken pair"], seen["before"]):
        raise Wrong(
            "registers_before_the_try",
            "the second pair could not be registered, and the first hook stayed on: "
            "registering has to be inside the `try`",
            expected="no hook on the model",
            seen=f"the hook of the first pair, on layer {case.layer}",
        )
    expect_same(seen["after a broken pair"], seen["before"], "what the model says after a broken pair")


@check("hooks that were there before stay", see=STAYS)
def spares_others(case, seen):
    add, scale, far = pairs(case)
    earlier = says(case, [add])
    expect_close(seen["with an earlier hook"], earlier, "what the model says with a hook of somebody else's")
    inside = says(case, [add, add, scale, far])
    expect_close(seen["inside, with an earlier hook"], inside, "what the model says inside the block then")
    after, words = (
        seen["after, with an earlier hook"],
        "what the model says after the block, with the earlier hook",
    )
    if is_close(after, seen["before"]):
        raise Wrong(
            "clears_all_hooks",
            "a hook that was on the block before your `with` block is gone: you took off more than your own",
            expected="handle.remove() for each of your handles, and nothing else",
            seen=f"no hook on layer {case.layer}",
        )
    expect_same(after, seen["with an earlier hook"], words)
    expect_same(seen["at the end"], seen["before"], "what the model says at the end, without any hook")


def explain_crash(case, crash):
    return {
        "forward_hooks": when(
            crash.type_name == "TypeError" and "but 3 were given" in crash.message,
            "you registered the hooks as forward hooks, which are given the output, too; these are pre-hooks",
            expected="register_forward_pre_hook",
            see="chapters/1-hook-basics.md#a-call-with-two-places-to-listen",
        ),
        "no_context_manager": when(
            "context manager protocol" in crash.message or crash.message == "__enter__",
            "`with hooked(...)` does not work, since what your function returns is no context manager: "
            "a generator becomes one by `@contextmanager`",
            expected="@contextmanager from contextlib, or a class with __enter__ and __exit__",
            see="chapters/1-hook-basics.md#the-context-manager",
        ),
    }


def goes_on(error, what, seen):
    if seen[f"raised by {error}"] == "nothing":
        raise Wrong(
            "swallows_the_error",
            f"the body raised {what}, and it did not come out of the `with` block: "
            "whoever uses your function would never hear of the bug",
            expected=error,
            seen="no error",
        )
    if seen[f"raised by {error}"] != error:
        raise Wrong(
            "another_error",
            f"the body raised {what}, and another one came out of the `with` block",
            expected=error,
            seen=seen[f"raised by {error}"],
        )


def pairs(case):
    block, other = case.map.blocks[case.layer], case.map.blocks[case.other_layer]
    vector, factor = case.direction() * case.d_model**0.5, case.number("halves", 3, 9) / 2

    def add(module, args):
        return (args[0] + vector, *args[1:])

    def scale(module, args):
        return (args[0] * factor, *args[1:])

    return [(block, add), (block, scale), (other, add)]


def says(case, hooks):
    """The logits with these hooks on."""
    return case.logits(case.ids(batch=2, seq=case.number("seq", 4, 7)), hooks)
