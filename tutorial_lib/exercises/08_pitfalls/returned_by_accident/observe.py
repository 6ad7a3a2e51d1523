import torch


def observe(answer, case):
    texts = [case.ids(batch=2, seq=6, name=name) for name in ("text 1", "text 2", "text 3")]
    mask = torch.ones_like(texts[0])
    mask[0, :2] = 0
    block = case.map.blocks[case.layer]
    cache = {}
    handle = answer(block, cache)
    with torch.no_grad():
        said = [case.model(input_ids=ids, attention_mask=mask).logits[:, -1] for ids in texts]
    if hasattr(handle, "remove"):
        handle.remove()
    kept = dict(cache)
    cache.clear()
    case.logits(texts[0])
    return {"handle": handle, "said": said, "kept": kept, "kept after removal": list(cache)}
