import torch

from tutorial_lib.exercises.checking import Wrong, check, expect_close, expect_same
from tutorial_lib.exercises.mistakes import diagnose, gives, when


@check("the block adds `factor` times what the MLP computed")
def is_scaled(case, seen):
    ids, factor = inputs(case)
    wanted = with_output(case, lambda output: output * factor)
    expect_close(seen["before"], case.logits(ids), "what the model says before your hook")
    mistakes = {
        "returns_nothing": gives(
            lambda: case.logits(ids),
            "the model says the same with your hook as without it: a hook that returns None changes nothing",
            expected=f"the output times {factor}, returned by the hook",
            seen=f"the MLP's own output went on, layer {case.layer}",
        ),
        "takes_the_first_row": gives(
            lambda: with_output(case, lambda output: output[0] * factor),
            "this MLP returns a tensor and no tuple, so `output[0]` is the first row of the batch; "
            "your hook put it in the place of all rows",
            expected=f"a new output of shape {[*ids.shape, case.d_model]}",
            seen=f"one of shape {[ids.shape[1], case.d_model]}",
            see="chapters/1-hook-basics.md#a-forward-hook-sees-what-comes-out",
        ),
        "edits_the_first_row": gives(
            lambda: with_output(case, lambda output: first_row_times(output, factor)),
            "`output[0]` is the first row of the batch, and you scaled that row only",
            expected=f"all {len(ids)} rows times {factor}",
            seen="row 0 scaled, the others as they were",
            see="chapters/1-hook-basics.md#a-forward-hook-sees-what-comes-out",
        ),
        "scales_the_input": gives(
            lambda: with_input_times(case, factor),
            "you scaled what comes into the MLP; it is not linear, so its output does not scale with it",
            expected="a forward hook, which changes the output",
            seen=f"the MLP of layer {case.layer} on {factor} times its input",
            see="chapters/1-hook-basics.md#a-call-with-two-places-to-listen",
        ),
    }
    diagnose(seen["during"], wanted, mistakes, "what the model says with your hook")


@check("the handle takes the hook off", see="chapters/1-hook-basics.md#a-pre-hook-sees-what-comes-in")
def comes_off(case, seen):
    if not seen["removable"]:
        raise Wrong(
            "returns_no_handle",
            "your function does not return the handle, so the hook stays on the model for good",
            expected="what register_forward_hook returned",
            seen=seen["handle"] if seen["handle"] is not None else "None",
        )
    expect_same(seen["after"], seen["before"], "what the model says after handle.remove()")


@check("the MLP's own tensor keeps its values", see="chapters/1-hook-basics.md#edit-a-copy")
def is_a_new_tensor(case, seen):
    ids, factor = inputs(case)
    ((_, wanted),) = case.in_and_out(ids, case.map.mlp(case.layer))
    message = "you scaled the MLP's tensor in place; a hook that had kept it now holds other values"
    mistakes = {"edits_in_place": gives(wanted * factor, message)}
    diagnose(seen["what the MLP gave out"], wanted, mistakes, "the tensor that the MLP returned")


def explain_crash(case, crash):
    return {
        "two_parameters": when(
            crash.type_name == "TypeError" and "positional argument" in crash.message and not crash.line,
            "your hook has other parameters than PyTorch passes to it: a forward hook gets the output, too",
            expected="hook(module, args, output)",
            see="chapters/1-hook-basics.md#a-call-with-two-places-to-listen",
        ),
        "calls_the_module_again": when(
            crash.type_name == "RecursionError",
            "your hook calls the module, which runs your hook, which calls the module, without end; "
            "what the module computed is there already, as `output`",
            expected="a hook that uses `output`",
            seen="RecursionError",
            see="chapters/1-hook-basics.md#a-forward-hook-sees-what-comes-out",
        ),
        "returns_a_tuple": when(
            crash.type_name == "TypeError" and "tuple" in crash.message,
            "your hook returned a tuple, and the block took it as it was: a forward hook returns "
            "an output of the same type that it was given",
            expected="a tensor, since this MLP returns a tensor",
        ),
    }


def inputs(case):
    """Token ids and factor."""
    return case.ids(batch=2, seq=case.number("seq", 4, 7)), case.number("halves", 3, 9) / 2


def with_output(case, edit):
    """What the model says when the MLP gives out something else."""
    hooks = [(case.map.mlp(case.layer), lambda module, args, output: edit(output))]
    return case.logits(inputs(case)[0], [], hooks)


def with_input_times(case, factor):
    hooks = [(case.map.mlp(case.layer), lambda module, args: (args[0] * factor, *args[1:]))]
    return case.logits(inputs(case)[0], hooks)


def first_row_times(output, factor):
    return torch.cat([output[:1] * factor, output[1:]])
