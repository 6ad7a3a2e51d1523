import contextlib
import io


def observe(answer, case):
    short = case.ids(batch=2, seq=case.number("seq", 5, 7), name="short")
    long = case.ids(batch=3, seq=case.number("seq", 5, 7) + 2, name="long")
    before = case.logits(short)
    with contextlib.redirect_stdout(io.StringIO()) as at_once:
        handle = answer(case.map.blocks[case.layer])
    with contextlib.redirect_stdout(io.StringIO()) as with_hook:
        during = case.logits(short)
        case.logits(long)
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
        "printed after removal": after_removal.getvalue(),
        "before": before,
        "during": during,
    }
