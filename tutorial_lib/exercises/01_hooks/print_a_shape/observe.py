import contextlib
import io

import torch


def observe(answer, case):
    ids = case.ids(batch=2, seq=case.number("seq", 5, 9))
    block = case.map.blocks[case.layer]
    before = case.logits(ids)
    with contextlib.redirect_stdout(io.StringIO()) as at_once:
        handle = answer(block)
    with contextlib.redirect_stdout(io.StringIO()) as with_hook:
        during = case.logits(ids)
    removable = hasattr(handle, "remove")
    if removable:
        handle.remove()
    with contextlib.redirect_stdout(io.StringIO()) as after_removal, torch.no_grad():
        case.model(ids)
    return {
        "handle": handle,
        "removable": removable,
        "printed at once": at_once.getvalue(),
        "printed": with_hook.getvalue(),
        "printed after removal": after_removal.getvalue(),
        "before": before,
        "during": during,
    }
