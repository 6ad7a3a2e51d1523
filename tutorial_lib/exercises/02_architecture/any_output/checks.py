import torch

from tutorial_lib import read_output, replace_output
from tutorial_lib.exercises.checking import Wrong, check, expect_close, is_close
from tutorial_lib.exercises.mistakes import rule_out, when


@check("a tensor is edited as a whole")
def edits_a_tensor(case, seen):
    hidden, _ = tensors(case)
    wanted, found = edit(case, hidden), seen["tensor"]["given"]
    nothing_returned("tensor", found)
    first = found[0] if isinstance(found, list) and found else found
    rows = [edit(case, hidden[0]), torch.cat([edit(case, hidden[:1]), hidden[1:]])]
    if any(is_close(first, row) for row in rows):
        raise Wrong(
            "slices_the_batch",
            "this output is a tensor, and you took `output[0]` of it: that is the first row of the batch",
            expected=wanted,
            seen=first,
        )
    has_kind("tensor", seen, "Tensor")
    if is_close(found, hidden):
        raise Wrong("edits_nothing", "the tensor came back as it was", expected=wanted, seen=found)
    expect_close(found, wanted, "what you made of a tensor")


@check("a tuple stays a tuple, and keeps its other elements")
def edits_a_tuple(case, seen):
    hidden, other = tensors(case)
    for kind, rest in {"tuple": [None, other], "tuple of one": []}.items():
        has_kind(kind, seen, "tuple")
        has_elements(kind, seen, [edit(case, hidden), *rest])


@check("a list stays a list, and keeps its other elements")
def edits_a_list(case, seen):
    hidden, other = tensors(case)
    has_kind("list", seen, "list")
    has_elements("list", seen, [edit(case, hidden), other, None])


@check("what was passed in does not change", see="chapters/1-hook-basics.md#edit-a-copy")
def keeps_what_was_passed_in(case, seen):
    hidden, _ = tensors(case)
    for kind in ("tensor", "tuple", "tuple of one", "list"):
        output = seen[kind]["passed in"]
        now = output[0] if isinstance(output, list) else output
        if is_close(now, hidden):
            continue
        mistakes = {
            "changes_the_list": when(
                kind == "list",
                "you wrote into the list that was passed in; the module that made it may hold it still",
                expected="a new list, and the old one as it was",
            ),
            "edits_in_place": when(
                True,
                "you wrote into the tensor that was passed in; others may hold it",
                expected="a new tensor, and the old one as it was",
            ),
        }
        rule_out(mistakes, seen=now)


@check("in a forward hook it changes what the model says")
def works_in_a_hook(case, seen):
    def hook(module, args, output):
        return replace_output(output, edit(case, read_output(output)))

    ids = case.ids(batch=2, seq=case.number("seq", 4, 7))
    wanted = case.logits(ids, [], [(case.map.blocks[case.layer], hook)])
    expect_close(seen["logits"], wanted, f"what the model says with the hook on block {case.layer}")


def explain_crash(case, crash):
    if "edit takes the hidden state" not in crash.message:
        return
    given = crash.message.rpartition(" ")[2]
    return {
        "forgets_lists": when(
            given == "list",
            "you passed the whole list to `edit`; the hidden state is its first element, as in a tuple",
            expected="a tensor",
            seen="a list",
        ),
        "forgets_tuples": when(
            given == "tuple",
            "you passed the whole tuple to `edit`; the hidden state is its first element",
            expected="a tensor",
            seen="a tuple",
        ),
        "edits_every_element": when(
            True,
            "you passed every element of the output to `edit`; only the first one is the hidden state",
            expected="a tensor, once",
            seen=f"a {given}",
        ),
    }


def nothing_returned(kind, found):
    if found is None:
        raise Wrong(
            "returns_nothing",
            f"for a {kind} your function returned None: a hook that passes it on changes nothing",
            expected="the new output",
            seen="None",
            see="chapters/1-hook-basics.md#what-a-forward-hook-may-return",
        )


def has_kind(kind, seen, wanted):
    nothing_returned(kind, seen[kind]["given"])
    found = seen[kind]["type"]
    if found == wanted:
        return
    mistakes = {
        "returns_the_tensor_alone": when(
            found == "Tensor",
            f"you returned the hidden state without the {kind} around it: whoever called the block takes "
            "the first row of the batch out of it",
            expected=f"a {kind}",
        ),
        "changes_the_kind": when(
            {found, wanted} == {"tuple", "list"}, f"you made a {found} of a {wanted}", seen=f"a {found}"
        ),
        "another_kind": f"of a {kind} you made a {found}",
    }
    rule_out(mistakes, expected=f"a {wanted}", seen=seen[kind]["given"])


def has_elements(kind, seen, wanted):
    found = seen[kind]["given"]
    mistakes = {
        "drops_the_rest": when(
            len(found) < len(wanted) and is_close(found[0] if found else None, wanted[0]),
            f"the other elements of the {kind} are gone, the cache perhaps among them",
            expected=f"a {kind} of {len(wanted)}",
            seen=f"one of {len(found)}",
        ),
        "another_length": when(
            len(found) != len(wanted), f"the {kind} has another length than the one that was passed in"
        ),
    }
    rule_out(mistakes, expected=f"{len(wanted)} elements", seen=f"{len(found)}")
    expect_close(found[0], wanted[0], f"the first element of the {kind}")
    for i, (one, other) in enumerate(zip(found[1:], wanted[1:], strict=True), start=1):
        if one is not other if other is None else not is_close(one, other):
            raise Wrong(
                "changes_the_rest",
                f"element {i} of the {kind} is not what it was",
                expected="None" if other is None else other,
                seen="None" if one is None else one,
            )


def edit(case, hidden):
    return hidden * (case.number("halves", 3, 9) / 2) + case.direction()


def tensors(case):
    """A hidden state, and another element of an output."""
    seq = case.number("seq", 4, 7)
    return case.normal(2, seq, case.d_model, name="hidden"), case.normal(2, 4, seq, name="other")
