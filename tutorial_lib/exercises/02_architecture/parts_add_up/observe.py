def observe(answer, case):
    ids = case.ids(batch=2, seq=case.number("seq", 4, 7))
    before = case.logits(ids)
    hooks_before = hooks_on(case.model)
    parts = answer(case.model, case.layer, ids)
    return {
        "parts": parts,
        "hooks before": hooks_before,
        "hooks after": hooks_on(case.model),
        "before": before,
        "after": case.logits(ids),
    }


def hooks_on(model):
    return sum(len(part._forward_pre_hooks) + len(part._forward_hooks) for part in model.modules())
