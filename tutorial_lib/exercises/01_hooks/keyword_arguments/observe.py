def observe(answer, case):
    attention = case.map.attention(case.layer)
    ids = case.ids(batch=2, seq=case.number("seq", 4, 7))
    longer = case.ids(batch=3, seq=case.number("seq", 4, 7) + 1, name="longer")
    before = case.logits(ids)
    hooks_before = hooks_on(case.model)
    first = answer(case.model, attention, ids)
    hooks_after = hooks_on(case.model)
    return {
        "first": first,
        "second": answer(case.model, attention, longer),
        "hooks before": hooks_before,
        "hooks after": hooks_after,
        "before": before,
        "after": case.logits(ids),
    }


def hooks_on(model):
    return sum(len(part._forward_pre_hooks) + len(part._forward_hooks) for part in model.modules())
