import torch

from tutorial_lib.exercises.checking import check, expect_pairs, expect_same, expect_tensor, is_close
from tutorial_lib.exercises.mistakes import diagnose, gives, rule_out, when
from tutorial_lib.exercises.seen import describe

PROMPT, NEW, FIRST_PART = 7, 4, 3


def positions_of(case):
    return [0, *case.positions(PROMPT)]


def said(case, text, positions):
    """What the model says of each new token of a text, in one run without a cache, steered at positions."""
    addition = torch.zeros(text.shape[1], case.d_model, device=case.spec.device)
    addition[list(positions)] = 5 * case.direction()

    def add(module, args):
        return (args[0] + addition, *args[1:])

    hooks = [(case.map.blocks[case.layer], add)]
    return case.logits(text.to(case.spec.device), hooks)[:, PROMPT - 1 : -1]


def text_and_logits(case, seen, way):
    """What was generated `[batch, 11]` and the logits of its new tokens `[batch, 4, vocab]`."""
    ids = case.ids(batch=2, seq=PROMPT)
    text = expect_tensor(seen[way]["ids"], f"what is generated {way}", (2, PROMPT + NEW))
    expect_same(text[:, :PROMPT], ids.cpu(), "the prompt")
    return text, seen[way]["logits"]


def expected_of(case, way, wanted):
    where = f"the model steered at layer {case.layer} and positions {positions_of(case)}"
    return f"{way}, logits of {where}: {describe(wanted)}"


def explain_crash(case, crash):
    return {
        "relative_positions": when(
            crash.type_name == "IndexError",
            "you took a position of the text for a column of the call: while decoding, a call has one column",
            expected=f"positions {positions_of(case)} of the text, found in whichever call they are",
            see="chapters/7-pitfalls/3-generation.md#position-5-does-not-exist-in-the-second-call",
        ),
        "returns_args_only": when(
            "must return None or a tuple" in crash.message,
            "your hook returned the positional arguments alone; with `with_kwargs=True` a hook returns both",
            expected="(args, kwargs)",
            see="chapters/1-hook-basics.md#keyword-arguments",
        ),
    }


@check(
    "it returns pairs for add_hooks and registers nothing",
    see="chapters/3-step-by-step.md#step-3-register-it",
)
def returns_pairs(case, seen):
    expect_pairs(seen["are pairs"], seen["form"], seen["hooks at once"])


@check("with a cache, the positions of the prompt are edited and no new token is")
def with_a_cache(case, seen):
    text, found = text_and_logits(case, seen, "with a cache")
    positions, new = positions_of(case), range(PROMPT, PROMPT + NEW)
    wanted = said(case, text, positions)
    mistakes = {
        "changes_nothing": gives(
            lambda: said(case, text, []),
            "your hooks changed nothing: the text is the one that the model writes without them",
            see="chapters/1-hook-basics.md#what-a-pre-hook-may-return",
        ),
        "edits_every_new_token": gives(
            lambda: said(case, text, [*positions, *new]),
            "you edited every new token as well: while decoding, the only column of a call is column 0, "
            "which is not position 0 of the text",
            see="chapters/7-pitfalls/3-generation.md#position-1-is-every-new-token",
        ),
        "edits_the_whole_prompt": gives(
            lambda: said(case, text, range(PROMPT)), f"you edited the whole prompt, not positions {positions}"
        ),
        "edits_everything": gives(
            lambda: said(case, text, range(PROMPT + NEW)),
            f"you edited every position of every call, not positions {positions}",
        ),
        "other_text": "with a cache, the model says something else",
    }
    diagnose(found, wanted, mistakes, expected=expected_of(case, "with a cache", wanted))


@check("without a cache, it is the same")
def without_a_cache(case, seen):
    text, found = text_and_logits(case, seen, "without a cache")
    wanted = said(case, text, positions_of(case))
    if is_close(found, wanted):
        return
    mistakes = {
        "only_the_first_call": gives(
            torch.cat([wanted[:, :1], said(case, text, [])[:, 1:]], dim=1),
            "you edited in the first call only; without a cache every call computes the prompt anew",
            see="chapters/5-examples/generation.md#what-a-hook-sees",
        ),
        "other_text_without_a_cache": "without a cache, the model says something else",
    }
    expected = expected_of(case, "without a cache, from the second new token on", wanted[:, 1:])
    rule_out(mistakes, found, expected=expected, seen=found[:, 1:])


@check("with the prompt in two parts, it is the same")
def in_two_parts(case, seen):
    text, found = text_and_logits(case, seen, "in two parts")
    positions = positions_of(case)
    wanted = said(case, text, positions)
    of_each_part = [p for p in positions if p < FIRST_PART]
    of_each_part += [FIRST_PART + p for p in positions if p < PROMPT - FIRST_PART]
    mistakes = {
        "one_column_means_new": gives(
            lambda: said(case, text, of_each_part),
            "you counted from the start of each call that has more than one column; with the prompt in two "
            "parts, the second call starts in the middle of it",
            see="chapters/7-pitfalls/3-generation.md#the-first-call-is-not-the-prompt",
        ),
        "other_text_in_two_parts": "with the prompt in two parts, the model says something else",
    }
    diagnose(found, wanted, mistakes, expected=expected_of(case, "in two parts", wanted))
