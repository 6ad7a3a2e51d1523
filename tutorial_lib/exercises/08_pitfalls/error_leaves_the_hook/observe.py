def observe(answer, case):
    ids = case.ids(batch=2, seq=6)
    block = case.map.blocks[case.layer]
    vector = 10 * case.direction()
    calls = []

    def steer(module, args):
        return (args[0] + vector, *args[1:])

    def failing(error):
        def run():
            case.logits(ids)
            raise error

        return run

    watcher = block.register_forward_pre_hook(lambda module, args: calls.append(1))
    seen = {"result": answer(block, steer, lambda: case.logits(ids)), "after": case.logits(ids)}
    for name, error in {"error": RuntimeError("batch too large"), "Ctrl-C": KeyboardInterrupt()}.items():
        try:
            answer(block, steer, failing(error))
            reached = "no error"
        except BaseException as caught:  # Ctrl-C is none of class Exception
            reached = f"{type(caught).__name__}: {caught}"
        seen[name] = {"reached": reached, "after": case.logits(ids)}
    calls.clear()
    case.logits(ids)
    watcher.remove()
    return {**seen, "calls of the other hook": len(calls)}
