import torch

from tutorial_lib.exercises.checking import Wrong, check, expect_close, is_close
from tutorial_lib.exercises.mistakes import diagnose, gives, rule_out, when

NO_ERROR = "no error, and the output as if all were well"


def steered(case, layers):
    """The logits with three times the direction added at the layers."""
    vector = 3 * case.direction()
    hooks = [(case.map.blocks[layer], lambda module, args: (args[0] + vector, *args[1:])) for layer in layers]
    return case.logits(case.ids(), hooks)


@check("the model runs with the hooks, and its output is returned")
def runs_with_hooks(case, seen):
    found = seen["blocks"]
    mistakes = {
        "raises_for_a_good_run": when(
            found["error"],
            "both hooks ran once, as expected, and still there was an error; the two blocks have the same "
            "function for a hook, so count each pair for itself, in a function that was made for this pair",
            expected="the model's output",
            seen=lambda: f"{found['error'][0]}: {found['message']}",
        ),
        "returns_nothing": when(
            found["output"] is None,
            "your function returned nothing",
            expected="what the model returned",
            seen="None",
        ),
        "drops_what_the_hook_returns": gives(
            lambda: steered(case, []),
            "the hooks ran and their edits are lost: what you register has to return what the hook returned",
            expected=f"logits with the stream edited at layers {sorted((case.layer, case.other_layer))}",
            seen="the logits of the model without hooks",
        ),
    }
    diagnose(found["output"], steered(case, [case.layer, case.other_layer]), mistakes, "the output")


@check("a hook that never ran is an error")
def never_is_an_error(case, seen):
    in_list, by_forward = seen["ModuleList"], seen["forward"]
    mistakes = {
        "says_nothing": when(
            not in_list["error"] and not by_forward["error"],
            "a hook on the ModuleList of the blocks never runs, and you did not say so",
            expected="a RuntimeError",
            see="chapters/7-pitfalls/4-hooks-that-stay-or-never-fire.md#a-container-is-never-called",
        ),
        "knows_only_the_list": when(
            not by_forward["error"],
            "you found the hook on a ModuleList, but not the one on a module whose `forward` is called by "
            "its name; there are many reasons why a hook does not run, so count the calls",
            see="chapters/7-pitfalls/4-hooks-that-stay-or-never-fire.md#moduleforward-skips-hooks",
        ),
        "misses_the_list": when(
            not in_list["error"],
            "a hook on the ModuleList of the blocks never runs, and you did not say so",
            see="chapters/7-pitfalls/4-hooks-that-stay-or-never-fire.md#a-container-is-never-called",
        ),
    }
    rule_out(mistakes, expected="a RuntimeError, since the hook ran 0 times", seen=NO_ERROR)


@check("each hook must run exactly as often as expected")
def exactly_as_often(case, seen):
    asked = seen["twice, as expected"]
    mistakes = {
        "only_never": when(
            not seen["twice"]["error"],
            "a hook ran twice where 1 was expected, and you did not say so: an edit was made twice",
            expected="a RuntimeError, since look ran 2 times",
        ),
        "counts_all_together": when(
            not seen["one twice, one never"]["error"],
            "one hook ran twice and another one never, and together that makes one each: keep a count for "
            "each pair",
            expected="a RuntimeError, since no hook ran once",
        ),
        "forgets_times": when(
            asked["error"] or not is_close(asked["output"], torch.ones(1, 3)),
            "a hook ran twice and `times=2` was given, so all is well",
            expected="the output, ones of shape [1, 3]",
            seen=f"{asked['error'][0]}: {asked['message']}" if asked["error"] else asked["output"],
        ),
    }
    rule_out(mistakes, seen=NO_ERROR)


@check("an error of the hook's own comes through")
def own_error_comes_through(case, seen):
    for name, whose in (("fails", "hook"), ("model fails", "model")):
        if not seen[name]["error"]:
            raise Wrong(
                "swallows_the_error",
                f"a {whose} raised an error, and it did not come out of your function",
                expected=f"the KeyError of the {whose} itself",
                seen="no error",
            )
    found = next(
        (seen[name] for name in ("fails", "model fails") if "KeyError" not in seen[name]["error"]), None
    )
    if found is None:
        return
    raise Wrong(
        "hides_the_error",
        "a hook raised an error, and yours about the counts took its place; look at the counts only after a "
        "run without an error",
        expected="KeyError: the error of the hook itself",
        seen=f"{found['error'][0]}: {found['message']}",
    )


@check(
    "afterwards no hook is left",
    see="chapters/7-pitfalls/4-hooks-that-stay-or-never-fire.md#an-error-leaves-the-hook-on",
)
def none_left(case, seen):
    runs = {name: found["hooks left"] for name, found in seen.items() if isinstance(found, dict)}
    left = [name for name, count in runs.items() if count]
    mistakes = {
        "leaves_hooks_when_the_model_fails": when(
            left == ["model fails"],
            "you take the hooks off when a hook fails, and not when the model itself does",
        ),
        "leaves_hooks_on": when(
            "fails" in left and set(left) <= {"fails", "model fails"},
            "after an error in a hook your hooks are still on the model: the error jumped over `remove`",
            seen=f"{runs['fails']} hooks on the model",
        ),
        "never_removes": when(
            left, lambda: f"your hooks are still on the model afterwards (case: {left[0]})"
        ),
    }
    there = f"{runs[left[0]]} hooks on the model" if left else None
    rule_out(mistakes, expected="0 hooks on the model", seen=there)
    expect_close(seen["after"], steered(case, []), "what the model says after a run with hooks")


@check(
    "the error is a RuntimeError that names the hook",
    see="chapters/6-best-practices.md#4-give-hooks-names-that-say-what-they-do",
)
def names_the_hook(case, seen):
    for name in ("ModuleList", "forward", "twice"):
        found = seen[name]
        refused = name == "ModuleList" and "ValueError" in found["error"]  # as add_hooks does, before it runs
        if not (refused or "RuntimeError" in found["error"]) or "look" not in found["message"]:
            raise Wrong(
                "another_error",
                "the error must say which hook it is about",
                expected="RuntimeError: look ran ... times, expected 1",
                seen=f"{found['error'][0]}: {found['message']}",
            )
    found = seen["two names"]
    if "watch" not in found["message"] or "look" in found["message"]:
        raise Wrong(
            "names_another_hook",
            "of two hooks the second one never ran, and your error is not about that one",
            expected="RuntimeError: watch ran 0 times, expected 1",
            seen=f"{found['error'][0]}: {found['message']}" if found["error"] else NO_ERROR,
        )
