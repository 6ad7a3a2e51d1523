import torch

from tutorial_lib import add_hooks, get_residual_stream_at_layer
from tutorial_lib.exercises.checking import Wrong, check
from tutorial_lib.exercises.mistakes import diagnose, gives, when


def batches(case):
    texts = [case.ids(batch=2, seq=6, name=name) for name in ("text 1", "text 2", "text 3")]
    mask = torch.ones_like(texts[0])
    mask[0, :2] = 0
    return [{"input_ids": ids, "attention_mask": mask} for ids in texts]


def stream_of(case, batch):
    return get_residual_stream_at_layer(case.model, case.layer, **batch)


def said(case, batch, hook=None):
    with torch.no_grad(), add_hooks([(case.map.blocks[case.layer], hook)] if hook else []):
        return case.model(**batch).logits[:, -1]


@check("the model says the same as without the hook")
def changes_nothing(case, seen):
    first = stream_of(case, batches(case)[0])
    for number in (2, 3, 1):  # in the first call, what is kept and what came in are the same
        batch, found = batches(case)[number - 1], seen["said"][number - 1]
        wanted = said(case, batch)
        mistakes = {
            "returns_the_stream": gives(
                lambda: said(case, batch, lambda module, args: args[0]),
                "your hook returns the stream that it saw, so the block lost its other positional arguments",
                expected="a hook that returns None",
                seen=f"in call {number} the block got no attention mask",
                see="chapters/7-pitfalls/2-what-you-change.md#a-bare-tensor-drops-the-other-arguments",
            ),
            "still_returns_the_first": gives(
                lambda: said(case, batch, lambda module, args: first),
                "your hook returns the stream that it keeps, and what a hook returns replaces what came in",
                expected=f"in call {number}, the stream of text {number} goes on",
                seen="the stream of text 1 goes on",
            ),
        }
        diagnose(found, wanted, mistakes, f"what the model says of text {number}")


@check("the stream of the first call is kept")
def keeps_the_first(case, seen):
    wanted, found = stream_of(case, batches(case)[0]), seen["kept"].get("first")
    mistakes = {
        "keeps_the_tuple": when(
            isinstance(found, list),
            "you kept `args`, a tuple; the stream is its first element",
            seen=lambda: f"a tuple or list of {len(found)}",
        ),
        "another_dictionary": when(
            found is None,
            "the dictionary that was given is empty: did you assign to its name in place of writing into it?",
            expected="a tensor under 'first'",
            seen=f"keys: {sorted(seen['kept'])}",
        ),
        "keeps_the_last": gives(
            lambda: stream_of(case, batches(case)[-1]),
            "each call overwrites what was kept, so that you have the stream of the last one",
            expected="the stream of text 1",
            seen="the stream of text 3",
        ),
    }
    diagnose(found, wanted, mistakes, "what you kept")


@check("the hook can be taken off", see="chapters/1-hook-basics.md#a-pre-hook-sees-what-comes-in")
def comes_off(case, seen):
    if seen["kept after removal"]:
        raise Wrong(
            "stays_on",
            "after handle.remove() the hook still writes into the dictionary",
            expected="the handle that register_forward_pre_hook gave",
            seen=seen["handle"] if seen["handle"] is not None else "None was returned",
        )


def explain_crash(case, crash):
    return {
        "truth_of_a_tensor": when(
            "Boolean value of Tensor" in crash.message,
            "`and` and `or` ask whether the stored tensor is true; PyTorch cannot say that of many numbers",
            expected="a hook with statements, which returns nothing",
        ),
        "still_returns_something": when(
            not crash.line,
            "your hook returns something that the block cannot use in place of its arguments",
            expected="None",
            seen=f"the block failed: {crash.type_name}: {crash.message}",
        ),
    }
