def observe(answer, case):
    ids = case.ids(batch=2, seq=6)
    blocks = case.map.blocks
    runs = []

    def hooks_on(module):
        return len(module._forward_pre_hooks) + len(module._forward_hooks)

    def run():
        runs.append({"list": hooks_on(blocks), "blocks": [hooks_on(block) for block in blocks]})
        return case.logits(ids)

    streams = answer(blocks, run)
    left = [hooks_on(module) for module in [blocks, *blocks]]
    return {"streams": streams, "hooks in each run": runs, "hooks left": sum(left)}
