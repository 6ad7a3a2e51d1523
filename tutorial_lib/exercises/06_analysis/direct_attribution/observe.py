from tutorial_lib.leftovers import leftover_hooks


def observe(answer, case):
    uneven_norm(case)
    ids, answers, others = case.ids(3, 6), *case.ids(2, 3, "words")
    before = case.logits(ids)
    shares = answer(case.model, ids, answers, others)
    left = leftover_hooks(case.model)
    return {
        "before": before,
        "shares": dict(shares) if hasattr(shares, "keys") else shares,
        "left": [
            f"{hook.kind} {hook.name} on {hook.path}" for hook in left if hook.owner in ("user", "unknown")
        ],
        "after": case.logits(ids),
    }


def uneven_norm(case):
    """As in a trained model. The norm of a random one has the weight 1, and nobody would miss it."""
    if case.name != "box":
        weight = 1 + 0.5 * case.normal(case.d_model, name="norm").tanh()
        case.map.final_norm.weight.data.copy_(weight)
