"""The calls of all hooks are summed up, so one that runs twice hides one that never runs."""


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
    if sum(counts) != times * len(pairs):
        names = ", ".join(hook.__name__ for module, hook in pairs)
        raise RuntimeError(f"{names} ran {sum(counts)} times, expected {times * len(pairs)}")
    return output
