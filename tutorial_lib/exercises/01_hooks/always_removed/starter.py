from contextlib import contextmanager


@contextmanager
def hooked(pairs):
    """Have each hook on its module, as a forward pre-hook, inside a `with` block and not after it."""
    raise NotImplementedError
