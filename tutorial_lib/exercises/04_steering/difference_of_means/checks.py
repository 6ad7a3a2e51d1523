from tutorial_lib.exercises.checking import check, expect_close, expect_no_hooks, expect_tensor, is_close
from tutorial_lib.exercises.mistakes import gives, rule_out, when
from tutorial_lib.exercises.seen import describe


def streams_of(case, ids, layer):
    """The stream at a layer, 0 to n_layers: `[n, seq, d_model]`."""
    return case.streams(ids)[layer]


def unit(vector):
    return vector / vector.norm()


def direction(towards, away, position):
    return unit(towards[:, position].mean(0) - away[:, position].mean(0))


def sets_of(case, layer=None):
    """The streams of the two sets, and the position."""
    at = case.layer if layer is None else layer
    towards = streams_of(case, case.ids(batch=4, seq=5, name="towards"), at)
    away = streams_of(case, case.ids(batch=3, seq=7, name="away"), at)
    return towards, away, case.positions(5)[0] - 5


def explain_crash(case, crash):
    return {
        "subtracts_prompt_from_prompt": when(
            "must match the size" in crash.message,
            "you subtracted prompt from prompt, or position from position; the sets have different sizes, so "
            "take the mean of each before the subtraction",
            expected="the difference of two vectors [d_model]",
        ),
    }


@check("it is the difference of the means at the position, of norm 1")
def is_the_direction(case, seen):
    towards, away, position = sets_of(case)
    a, b = towards[:, position], away[:, position]
    wanted, found = direction(towards, away, position), seen["direction"]
    if is_close(found, wanted):
        return
    expect_tensor(found, "what you returned", (case.d_model,))
    each = [(x / x.norm(dim=-1, keepdim=True)).mean(0) for x in (a, b)]
    mistakes = {
        "not_normalised": gives(wanted, "your direction points the right way, but its norm is not 1"),
        "averages_all_positions": gives(
            unit(towards.mean((0, 1)) - away.mean((0, 1))),
            f"you averaged over all positions, not over the prompts at position {position}",
            see="chapters/5-examples/steering.md#a-direction-from-the-wrong-place",
        ),
        "points_the_other_way": gives(
            -wanted, "your direction leads from `towards` to `away`: the sign is wrong"
        ),
        "scales_the_means": gives(
            unit(unit(a.mean(0)) - unit(b.mean(0))),
            "you scaled each mean to norm 1 before the subtraction; the difference is what has norm 1",
        ),
        "scales_each_prompt": gives(
            unit(each[0] - each[1]), "you scaled the stream of each prompt before the mean"
        ),
        "only_the_first_prompt": gives(
            unit(a[0] - b[0]), "you used the first prompt of each set, not the mean of all"
        ),
        "only_one_set": gives(
            unit(a.mean(0)), "you used `towards` only: the mean of `away` is not subtracted"
        ),
        "one_layer_late": gives(
            lambda: direction(*sets_of(case, case.layer + 1)),
            f"this is the direction at layer {case.layer + 1}: you read what block {case.layer} gives out, "
            "not what it is called with",
            see="chapters/4-residual-stream.md#the-key-insight",
        ),
        "always_the_last_position": gives(
            direction(towards, away, -1), f"you read the last position, not position {position}"
        ),
    }
    expected = f"a direction of norm 1 at layer {case.layer}, position {position}: {describe(wanted)}"
    rule_out(mistakes, unit(found), expected=expected, seen=f"norm {found.norm():.4g}: {describe(found)}")
    expect_close(found, wanted, "your direction")


@check("when the sets are swapped, it points the other way")
def flips(case, seen):
    towards, away, position = sets_of(case)
    expect_close(seen["swapped"], direction(away, towards, position), "your direction for the swapped sets")


@check("it is right for sets of the same size as well")
def holds_for_equal_sizes(case, seen):
    towards, _, position = sets_of(case)
    away = streams_of(case, case.ids(batch=4, seq=5, name="away"), case.layer)
    wanted = direction(towards, away, position)
    expect_close(seen["equal sizes"], wanted, "your direction for two sets of 4 prompts with 5 tokens")


@check("no hook is left on", see="chapters/1-hook-basics.md#the-context-manager")
def is_off(case, seen):
    expect_no_hooks(
        seen["hooks left"],
        "leaves_the_hook_on",
        "a hook of yours is still on the model after the function has returned",
    )
