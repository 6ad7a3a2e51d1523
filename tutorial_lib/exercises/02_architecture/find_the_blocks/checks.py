from tutorial_lib.exercises.checking import Wrong, check, expect_close, expect_same
from tutorial_lib.exercises.mistakes import rule_out, when


@check("what you return is the list of decoder blocks")
def is_the_list(case, seen):
    path, wanted = seen["path"], case.map.blocks_path
    elements = seen["paths of its elements"]
    ours = [f"{wanted}.{i}" for i in range(case.n_layers)]
    if path == wanted:
        return
    if seen["found"] is None:
        rule_out(nothing_found(case), seen="None")
    mistakes = {
        "returns_the_path": when(
            isinstance(seen["found"], str),
            "you returned the name of the list; the list itself is model.get_submodule(name)",
            seen=repr(seen["found"]),
        ),
        "another_list_of_them": when(
            elements == ours,
            "these are the right blocks, in a list of your own; the task asks for the one in the model",
            seen=f"a {seen['type']} that the model does not hold",
        ),
        "a_single_block": when(
            path in ours,
            "you returned one block; the task asks for the list of all of them",
            expected=f"the nn.ModuleList at {wanted}, of {case.n_layers} blocks",
            seen=f"the {seen['type']} at {path}",
        ),
        "a_list_inside_a_block": when(
            path is not None and path.startswith(f"{wanted}."),
            "the list that you found is a part of one block: a model may have lists inside its blocks",
            seen=f"the one at {path}, of {len(elements)} modules",
        ),
        "a_stack_that_does_not_run": when(
            elements and not seen["streams"],
            "the modules of your list are not called when the model runs on text: this model has another "
            "stack of blocks, for images",
            seen=f"the one at {path}",
        ),
        "another_module": when(
            True,
            "this is not the list of decoder blocks",
            seen=f"a {seen['type']} at {path}" if path else seen["found"],
        ),
    }
    rule_out(mistakes, expected=f"the nn.ModuleList at {wanted}")


@check(
    "the residual stream goes through the list",
    see="chapters/2-architecture.md#what-each-part-is-called-with",
)
def carries_the_stream(case, seen):
    wanted = case.streams(case.ids(batch=1, seq=5, name="others"))[:-1]
    if len(seen["streams"]) != len(wanted):
        raise Wrong(
            "other_calls",
            "the modules of your list are not called once each",
            expected=f"{len(wanted)} calls",
            seen=f"{len(seen['streams'])} calls",
        )
    for layer, stream in enumerate(wanted):
        expect_close(seen["streams"][layer], stream, f"what comes into module {layer} of your list")


@check("nothing is left on the model", see="chapters/1-hook-basics.md#when-something-fails-hooks-stay")
def is_clean(case, seen):
    if seen["hooks after"] != seen["hooks before"]:
        raise Wrong(
            "leaves_hooks_on",
            "you found the blocks, and the hooks that you looked with are still on the model",
            expected=f"hooks on the model: {seen['hooks before']}",
            seen=f"hooks on the model: {seen['hooks after']}",
        )
    wanted = case.logits(case.ids(batch=2, seq=case.number("seq", 4, 7)))
    expect_close(seen["before"], wanted, "what the model says before")
    expect_same(seen["after"], seen["before"], "what the model says afterwards")


def explain_crash(case, crash):
    mistakes = {
        "config_of_the_wrapper": when(
            crash.type_name == "AttributeError" and "Config'" in crash.message,
            "this model's config has parts, one for text and one for images, and no depth of its own",
            expected="config.get_text_config(), or no config at all",
        ),
        "one_fixed_path": when(
            crash.type_name == "AttributeError" and "object has no attribute" in crash.message,
            "you wrote down the path of another family of models; this one has its blocks elsewhere",
            expected=f"a search, which finds {case.map.blocks_path} here",
            see="chapters/2-architecture.md#the-tree",
        ),
    }
    nothing_in_list = crash.type_name == "IndexError" and "list index" in crash.message
    if nothing_in_list or crash.type_name == "StopIteration" or "empty" in crash.message:
        return mistakes | nothing_found(case)
    return mistakes


def nothing_found(case):
    """The mistakes that fit when no list was found."""
    said, depth = case.model.config.get_text_config().num_hidden_layers, case.n_layers
    wanted = f"the nn.ModuleList at {case.map.blocks_path}, of {depth} x {type(case.map.blocks[0]).__name__}"
    return {
        "trusts_the_config": when(
            said != depth,
            f"you found nothing; the config speaks of {said} layers here, and the list has {depth} blocks",
            expected=wanted,
        ),
        "found_nothing": when(
            True,
            "your rule fits no list of this model: what holds for one family, such as a name, fails on "
            "the next",
            expected=wanted,
            see="chapters/2-architecture.md#five-families",
        ),
    }
