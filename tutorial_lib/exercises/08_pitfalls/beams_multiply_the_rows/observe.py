import torch


def observe(answer, case):
    ids = case.ids(batch=2, seq=7)
    positions = [case.positions(7, 1, "text 0"), case.positions(7, 2, "text 1")]
    block = case.map.blocks[case.layer]
    beams = case.number("beams", 3, 4)
    streams = []
    handle = answer(block, positions)
    last = block.register_forward_pre_hook(lambda module, args: streams.append(args[0].clone()))
    case.logits(ids)
    settings = {"max_new_tokens": 3, "min_new_tokens": 3, "do_sample": False, "pad_token_id": 0}
    with torch.no_grad():
        case.model.generate(ids, attention_mask=torch.ones_like(ids), num_beams=beams, **settings)
    last.remove()
    if hasattr(handle, "remove"):
        handle.remove()
    plain, prompt, *later = streams
    return {"handle": handle, "plain": plain, "prompt": prompt, "later": later, "off": case.logits(ids)}
