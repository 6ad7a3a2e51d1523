"""The modules are swept clean instead of keeping handles."""

from contextlib import contextmanager


@contextmanager
def hooked(pairs):
    try:
        for module, hook in pairs:
            module.register_forward_pre_hook(hook)
        yield
    finally:
        for module, hook in pairs:
            if module is not None:
                module._forward_pre_hooks.clear()
