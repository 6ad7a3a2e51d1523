import contextlib
import io


def observe(answer, case):
    short = case.ids(batch=2, seq=case.number("seq", 5, 7), name="short")
    long = case.ids(batch=3, seq=case.number("seq", 5, 7) + 2, name="long")
    block, before, given, received = case.map.blocks[case.layer], case.logits(short), [], []
    looking = [block.register_forward_pre_hook(lambda module, args: given.append(args[0]))]
    with contextlib.redirect_stdout(io.StringIO()) as at_once:
        handle = answer(block)
    looking.append(block.register_forward_pre_hook(lambda module, args: received.append(args[0])))
    with contextlib.redirect_stdout(io.StringIO()) as with_hook:
        during = case.logits(short)
        case.logits(long)
    for other in looking:
        other.remove()
    with contextlib.redirect_stdout(io.StringIO()) as in_order, said_by(block):
        case.logits(short)
    removable = hasattr(handle, "remove")
    if removable:
        handle.remove()
    with contextlib.redirect_stdout(io.StringIO()) as after_removal:
        case.logits(short)
    return {
        "handle": handle,
        "removable": removable,
        "printed at once": at_once.getvalue(),
        "printed": with_hook.getvalue(),
        "printed around the block": in_order.getvalue(),
        "printed after removal": after_removal.getvalue(),
        "before": before,
        "during": during,
        "given": given[0],  # the tensor itself, so that an edit in place shows
        "received": received[0],
    }


@contextlib.contextmanager
def said_by(block):
    """The block prints a line when its own code begins: after its pre-hooks, before its forward hooks."""
    forward = block.forward

    def say_and_run(*args, **kwargs):
        print("the block")
        return forward(*args, **kwargs)

    block.forward = say_and_run
    try:
        yield
    finally:
        del block.forward
