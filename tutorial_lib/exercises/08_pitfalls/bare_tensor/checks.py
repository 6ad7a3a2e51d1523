import torch

from tutorial_lib import add_hooks
from tutorial_lib.exercises.checking import Wrong, check, expect_close, expect_same, is_close
from tutorial_lib.exercises.mistakes import diagnose, gives, when


def padded_batch(case):
    ids = case.ids(batch=2, seq=7)
    mask = torch.ones_like(ids)
    mask[0, : case.number("padding", 2, 4)] = 0
    return {"input_ids": ids, "attention_mask": mask}


def run(case, run_model, strength):
    """With the vector added to what comes into the block."""
    steering = case.steering(lambda stream: stream + strength * case.direction())
    with torch.no_grad(), add_hooks([], steering):
        return run_model()


def padded(case, strength=10):
    return run(case, lambda: case.model(**padded_batch(case)).logits, strength)


def generated(case):
    ids = case.ids(batch=2, seq=7)
    settings = {"max_new_tokens": 3, "min_new_tokens": 3, "do_sample": False, "pad_token_id": 0}
    kept = {"use_cache": True, "output_logits": True, "return_dict_in_generate": True}
    given = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    made = run(case, lambda: case.model.generate(**given, **settings, **kept), 10)
    return torch.stack(made.logits, dim=1)


def called_with(case):
    kinds = []
    look = [
        (case.map.blocks[case.layer], lambda m, args: kinds.append([type(each).__name__ for each in args]))
    ]
    with torch.no_grad(), add_hooks(look):
        case.model(**padded_batch(case))
    return kinds[0]


@check("the block gets all of its arguments")
def gets_all_arguments(case, seen):
    wanted = called_with(case)
    found = [kinds for where, kinds in seen["calls"] if where == "after"][0]
    mistakes = {
        "a_list_for_a_tuple": when(
            found[:1] == ["list"],
            "you returned a list; only a tuple takes the place of all arguments, a list becomes the first",
        ),
        "missing_star": gives(
            ["Tensor", "tuple"],
            "you put the rest of `args` into the tuple as one tuple; a star takes it apart: (new, *args[1:])",
        ),
        "drops_the_rest": gives(
            ["Tensor"],
            "your hook returns the stream alone, so the block lost its other positional arguments",
        ),
        "other_arguments": "the block got other arguments than it was called with",
    }
    diagnose(found, wanted, mistakes, expected=", ".join(wanted), seen=", ".join(found))


@check("a padded batch is steered")
def padded_batch_is_steered(case, seen):
    mistakes = {
        "returned_nothing": gives(
            lambda: padded(case, strength=0),
            "nothing is steered: the hook made a new stream and did not return it",
            expected="a hook that returns all arguments, the new stream first",
            seen="the logits of the model without a hook",
            see="chapters/1-hook-basics.md#what-a-pre-hook-may-return",
        ),
    }
    diagnose(
        seen["padded"], padded(case), mistakes, "what the model says of a padded batch when it is steered"
    )


@check("a generation with a cache is steered")
def generation_is_steered(case, seen):
    expect_close(seen["generated"], generated(case), "what the model says in generate when it is steered")


@check(
    "the stream that came in stays as it is", see="chapters/7-pitfalls/2-what-you-change.md#an-edit-in-place"
)
def not_in_place(case, seen):
    if not is_close(seen["came, read later"], seen["came"]):
        raise Wrong(
            "edits_in_place",
            "you edited the stream in place, so whoever else holds that tensor has another one now",
            expected="a new tensor: args[0] + vector",
            seen="the tensor that came in has the vector in it",
        )


@check("the hook can be taken off", see="chapters/1-hook-basics.md#a-pre-hook-sees-what-comes-in")
def comes_off(case, seen):
    if seen["handle"] is None:
        raise Wrong(
            "returns_no_handle",
            "the function does not return the handle",
            expected="what register_forward_pre_hook gave",
            seen="None",
        )
    expect_same(
        seen["off"], case.logits(case.ids(batch=2, seq=7)), "what the model says after handle.remove()"
    )


def explain_crash(case, crash):
    return {
        "half_of_the_arguments": when(
            "must return None or a tuple of (new_args, new_kwargs)" in crash.message,
            "a hook that is registered with with_kwargs=True must return both, (args, kwargs)",
            expected="(new_args, kwargs)",
            seen="new_args alone",
            see="chapters/1-hook-basics.md#keyword-arguments",
        ),
    }
