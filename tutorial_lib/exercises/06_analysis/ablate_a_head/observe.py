PROJECTIONS = ("o_proj", "c_proj", "out_proj", "dense")


def observe(answer, case):
    ids, head = case.ids(batch=5, seq=6), case.number("head", 1, n_heads(case) - 1)
    projection = projection_of(case)
    given = []  # what the projection is called with, as it is after the run
    keeping = projection.register_forward_pre_hook(lambda module, args: given.append(args[0]))
    before = case.logits(ids)
    handle = answer(projection, head, n_heads(case))
    received = []  # what it is called with after the answer's hook
    looking = projection.register_forward_pre_hook(lambda module, args: received.append(args[0]))
    during = case.logits(ids)
    looking.remove()
    removable = hasattr(handle, "remove")
    if removable:
        handle.remove()
    keeping.remove()
    return {
        "before": before,
        "handle": handle,
        "removable": removable,
        "during": during,
        "given": given[-1],
        "received": received[-1],
        "after": case.logits(ids),
    }


def n_heads(case):
    return case.model.config.num_attention_heads


def projection_of(case):
    attention = case.map.attention(case.layer)
    return next(getattr(attention, name) for name in PROJECTIONS if hasattr(attention, name))
