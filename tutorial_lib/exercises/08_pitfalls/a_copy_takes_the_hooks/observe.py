def observe(answer, case):
    ids = case.ids(batch=2, seq=6)
    block = case.map.blocks[case.layer]
    calls = []
    watcher = block.register_forward_pre_hook(lambda module, args: calls.append(1))
    handle, twin = answer(case.model, block, 10 * case.direction())

    def both():
        steered = case.logits(ids)
        calls.clear()
        return {"model": steered, "twin": twin(ids).logits.detach(), "calls of the other hook": len(calls)}

    seen = {"on": both()}
    handle.remove()
    watcher.remove()
    return {**seen, "off": both()}
