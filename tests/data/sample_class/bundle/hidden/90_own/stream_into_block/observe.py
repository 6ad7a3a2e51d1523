def observe(answer, case):
    ids = case.ids(batch=1, seq=4, name="hidden ids")
    blocks = list(case.map.blocks)
    stream = answer(case.model, case.layer, ids)
    return {"stream": stream, "hooks": [len(block._forward_pre_hooks) for block in blocks]}
