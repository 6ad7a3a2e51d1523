"""The message has the name of the first hook, whichever it is about."""


def run_with_hooks(model, pairs, x, times=1):
    counts = [0] * len(pairs)

    def counted(number, hook):
        def run(module, args):
            counts[number] += 1
            return hook(module, args)

        return run

    handles = []
    try:
        for number, (module, hook) in enumerate(pairs):
            handles.append(module.register_forward_pre_hook(counted(number, hook)))
        output = model(x)
    finally:
        for handle in handles:
            handle.remove()
    for (module, hook), count in zip(pairs, counts):
        if count != times:
            raise RuntimeError(f"{pairs[0][1].__name__} ran {count} times, expected {times}")
    return output
