from tutorial_lib.activations import read_output
from tutorial_lib.exercises.notes import hooks_on

SEQ = 6  # and as many rows, so that a position taken for a row exists


def observe(answer, case):
    source, target = case.ids(SEQ, SEQ, "source"), case.ids(SEQ, SEQ, "target")
    place = case.layer, case.positions(SEQ, 2)
    before = case.logits(target)
    handed_on = []  # the tensors that the block is given, as they are after the run

    def keep(module, args, output):
        handed_on.append(read_output(output))

    handle = case.map.blocks[case.layer - 1].register_forward_hook(keep)
    patched = answer(case.model, source, target, *place)
    handle.remove()
    left = hooks_on(case.model)
    return {
        "before": before,
        "patched": patched,
        "hooks left": left,
        "handed on": [each for each in handed_on if each.shape[:2] == target.shape],
        "after": case.logits(target),
        "from itself": answer(case.model, target, target, *place),
        "everywhere": answer(case.model, source, target, case.other_layer, list(range(SEQ))),
    }
