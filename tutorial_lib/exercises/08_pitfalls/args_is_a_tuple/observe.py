import torch


def observe(answer, case):
    ids = case.ids(batch=2, seq=6)
    mask = torch.ones_like(ids)
    mask[0, :2] = 0
    block = case.map.blocks[case.layer]
    arrived = []

    def note(module, args):
        arrived.append([list(x.shape) if isinstance(x, torch.Tensor) else type(x).__name__ for x in args])

    handle = answer(block, 10 * case.direction())
    last = block.register_forward_pre_hook(note)
    with torch.no_grad():
        try:
            steered = case.model(input_ids=ids, attention_mask=mask).logits[:, -1]
        except Exception as error:
            if not arrived:  # the hook itself failed, not the block on what the hook gave it
                raise
            steered = f"{type(error).__name__}: {error}"
    last.remove()
    if hasattr(handle, "remove"):
        handle.remove()
    return {"handle": handle, "arrived": arrived[0], "steered": steered, "off": case.logits(ids)}
