def observe(answer, case):
    ids = case.ids(batch=2, seq=case.number("seq", 4, 7))
    factor = case.number("halves", 3, 9) / 2
    mlp = case.map.mlp(case.layer)
    before = case.logits(ids)
    given_out = []
    earlier = mlp.register_forward_hook(lambda module, args, output: given_out.append(output))
    handle = answer(mlp, factor)
    during = case.logits(ids)
    earlier.remove()
    removable = hasattr(handle, "remove")
    if removable:
        handle.remove()
    return {
        "handle": handle,
        "removable": removable,
        "before": before,
        "during": during,
        "after": case.logits(ids),
        "what the MLP gave out": given_out[0],
    }
