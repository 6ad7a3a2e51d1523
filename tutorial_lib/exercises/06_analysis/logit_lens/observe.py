from tutorial_lib.leftovers import leftover_hooks


def observe(answer, case):
    uneven_norm(case)
    ids = case.ids(batch=2, seq=5)
    before = case.logits(ids)
    logits = answer(case.model, ids)
    left = [
        f"{hook.kind} {hook.name} on {hook.path}"
        for hook in leftover_hooks(case.model)
        if hook.owner in ("user", "unknown")
    ]
    return {"before": before, "logits": logits, "left": left, "after": case.logits(ids)}


def uneven_norm(case):
    """As in a trained model. The norm of a random one has the weight 1: to norm twice is to norm once."""
    if case.name != "box":
        weight = 1 + 0.5 * case.normal(case.d_model, name="norm").tanh()
        case.map.final_norm.weight.data.copy_(weight)
