"""`except Exception` is taken for every error."""

from contextlib import contextmanager


@contextmanager
def hooked(pairs):
    handles = []
    try:
        for module, hook in pairs:
            handles.append(module.register_forward_pre_hook(hook))
        yield
    except Exception:
        for handle in handles:
            handle.remove()
        raise
    else:
        for handle in handles:
            handle.remove()
