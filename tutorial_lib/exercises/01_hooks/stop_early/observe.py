class Bug(Exception):
    pass


def observe(answer, case):
    ids = case.ids(batch=2, seq=case.number("seq", 4, 7))
    blocks, block = case.map.blocks, case.map.blocks[case.layer]
    before = case.logits(ids)
    calls = {}
    counters = [count(calls, f"block {i}", blocks[i]) for i in range(case.n_layers)]
    counters.append(count(calls, "attention", case.map.attention(case.layer)))
    counters.append(count(calls, "unembedding", case.map.unembedding))
    stream = answer(case.model, block, ids)
    for counter in counters:
        counter.remove()
    seen = {"stream": stream, "calls": calls, "before": before, "after": run(case, ids)}

    broken = blocks[case.layer - 1].register_forward_pre_hook(fails)
    seen["raised by a bug"] = "nothing"
    try:
        answer(case.model, block, ids)
    except Exception as error:
        seen["raised by a bug"] = type(error).__name__
    broken.remove()
    return {**seen, "after a bug": run(case, ids)}


def count(calls, name, module):
    """Count the calls of a module; gives the handle."""
    calls[name] = 0

    def hook(module, args):
        calls[name] += 1

    return module.register_forward_pre_hook(hook)


def fails(module, args):
    raise Bug("a bug in a hook")


def run(case, ids):
    """The logits, or the name of the exception that a plain run ends in."""
    try:
        return case.logits(ids)
    except Exception as error:
        return type(error).__name__
