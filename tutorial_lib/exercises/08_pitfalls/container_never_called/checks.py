from tutorial_lib.exercises.checking import Wrong, check, expect_close
from tutorial_lib.exercises.mistakes import gives, rule_out, when


@check("there is a stream for each block")
def one_for_each_block(case, seen):
    found, runs = seen["streams"], seen["hooks in each run"]
    expected = f"a list of {case.n_layers}, one stream for each block"
    if not runs:
        raise Wrong("never_ran", "run() was not called", expected="one call of run()", seen="none")
    if not isinstance(found, list):
        seen = "None" if found is None else found
        raise Wrong("no_list", "what you returned is no list", expected=expected, seen=seen)
    mistakes = {
        "still_on_the_container": when(
            not found and runs[0]["list"],
            "your hook is on the list of the blocks, and a list is never called; its elements are",
            expected=f"a hook on each of the {case.n_layers} blocks",
            seen=f"hooks on the list: {runs[0]['list']}, on the blocks: {runs[0]['blocks']}",
        ),
        "no_hook_in_the_run": when(
            not found and not any(runs[0]["blocks"]),
            "when run() ran the model, no hook was on; register first, then run, then remove",
            expected=f"hooks on the blocks: {[1] * case.n_layers}",
            seen=f"hooks on the blocks: {runs[0]['blocks']}",
        ),
        "only_one_block": when(
            len(found) == 1 < case.n_layers,
            "your hook was on one block only, and the others are called as well",
            seen="a list of 1",
        ),
        "more_than_the_blocks": when(
            len(found) > case.n_layers,
            "your hook ran on more modules than the blocks; `.modules()` also gives what is inside of them",
        ),
        "other_number": when(len(found) != case.n_layers, "streams are missing"),
    }
    rule_out(mistakes, expected=expected, seen=f"a list of {len(found)}")


@check("the streams are what comes into the blocks, in their order")
def what_comes_in(case, seen):
    found, wanted = seen["streams"], case.streams(case.ids(batch=2, seq=6))
    mistakes = {
        "what_comes_out": gives(
            wanted[1:],
            "you kept what comes out of each block; what comes in is one layer earlier",
            expected=wanted[0],
            seen=found[0],
            see="chapters/1-hook-basics.md#a-pre-hook-sees-what-comes-in",
        ),
    }
    rule_out(mistakes, found)
    for layer, stream in enumerate(found):
        expect_close(stream, wanted[layer], f"entry {layer} of your list")


@check("no hook is left", see="chapters/7-pitfalls/4-hooks-that-stay-or-never-fire.md#hooks-add-up")
def no_hook_is_left(case, seen):
    if seen["hooks left"]:
        raise Wrong(
            "removes_only_the_last",
            "hooks of yours are still on the model: each registration gives a handle of its own",
            expected="0 hooks left",
            seen=f"{seen['hooks left']} hooks left",
        )
