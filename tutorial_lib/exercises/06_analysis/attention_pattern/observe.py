class Interrupted(Exception):
    pass


def observe(answer, case):
    ids, model = case.ids(batch=2, seq=6), case.model
    seen = {"at first": setting(model), "before": case.logits(ids)}
    seen["pattern"] = answer(model, case.layer, ids)
    seen["afterwards"] = setting(model)
    seen["after"] = case.logits(ids)

    model.set_attn_implementation("eager")
    answer(model, case.layer, ids)
    seen["afterwards, of eager"] = setting(model)

    model.set_attn_implementation("sdpa")
    handle = case.map.blocks[0].register_forward_pre_hook(interrupt)
    try:
        answer(model, case.layer, ids)
    except Interrupted:
        pass
    finally:
        handle.remove()
    seen["after an error"] = setting(model)
    return seen


def setting(model):
    return model.config._attn_implementation


def interrupt(module, args):
    raise Interrupted("an error in the middle of the forward pass")
