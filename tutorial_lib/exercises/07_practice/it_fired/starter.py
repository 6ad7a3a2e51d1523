def run_with_hooks(model, pairs, x, times=1):
    """Run model(x) with pre-hooks on and return its output; RuntimeError unless each ran `times` times."""
    raise NotImplementedError
