def observe(answer, case):
    ids = case.ids(batch=2, seq=case.number("prompt", 4, 6))
    block = case.map.blocks[case.layer]
    before = len(block._forward_pre_hooks)
    stream = answer(case.model, block, ids, case.number("new tokens", 3, 4))
    return {"stream": stream, "hooks left": len(block._forward_pre_hooks) - before}
