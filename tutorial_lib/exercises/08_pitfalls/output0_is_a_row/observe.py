def observe(answer, case):
    ids = case.ids(batch=3)
    block = case.map.blocks[case.layer - 1]
    before = case.logits(ids)
    handle = answer(block, 10 * case.direction())
    steered = case.logits(ids)
    if hasattr(handle, "remove"):
        handle.remove()
    return {"handle": handle, "before": before, "steered": steered, "after": case.logits(ids)}
