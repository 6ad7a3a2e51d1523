def observe(answer, case):
    ids = case.ids(batch=2, seq=6)
    block = case.map.blocks[case.layer]
    strong, other = 10 * case.direction(), 10 * case.direction("other")
    calls = []
    watcher = block.register_forward_pre_hook(lambda module, args: calls.append(1))
    seen = {
        "first": answer(case.model, block, ids, strong),
        "again": answer(case.model, block, ids, strong),
        "other": answer(case.model, block, ids, other),
    }
    calls.clear()
    seen["after"] = case.logits(ids)
    seen["calls of the other hook"] = len(calls)
    watcher.remove()
    return seen
