import torch


def observe(answer, case):
    ids = case.ids(batch=2, seq=7)
    mask = torch.ones_like(ids)
    mask[0, : case.number("padding", 2, 4)] = 0
    block = case.map.blocks[case.layer]
    calls, came = [], []

    def note(where):
        def hook(module, args):
            calls.append([where, [type(each).__name__ for each in args]])
            if where == "before":
                came.append((args[0], args[0].clone()))

        return hook

    def padded():
        return case.model(input_ids=ids, attention_mask=mask).logits

    def generated():
        settings = {"max_new_tokens": 3, "min_new_tokens": 3, "do_sample": False, "pad_token_id": 0}
        kept = {"use_cache": True, "output_logits": True, "return_dict_in_generate": True}
        made = case.model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), **settings, **kept)
        return torch.stack(made.logits, dim=1)

    def tried(run):
        """What it gives; or in words the error of a block that cannot use what the hook gave it."""
        try:
            return run()
        except Exception as error:
            if calls[-1:] and calls[-1][0] == "after":
                return f"{type(error).__name__}: {error}"
            raise

    notes = [block.register_forward_pre_hook(note("before"))]
    handle = answer(block, 10 * case.direction())
    notes.append(block.register_forward_pre_hook(note("after")))
    with torch.no_grad():
        seen = {"padded": tried(padded), "calls": calls[:2], "generated": tried(generated)}
    for each in notes:
        each.remove()
    if hasattr(handle, "remove"):
        handle.remove()
    stream, copied = came[0]
    return {**seen, "handle": handle, "came": copied, "came, read later": stream, "off": case.logits(ids)}
