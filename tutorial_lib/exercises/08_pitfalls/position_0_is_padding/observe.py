import torch


def observe(answer, case):
    ids = case.ids(batch=3, seq=8)
    mask = torch.ones_like(ids)
    for row, padding in enumerate([case.number("padding", 1, 2), 0, case.number("more padding", 3, 4)]):
        mask[row, :padding] = 0
    batch = {"input_ids": ids, "attention_mask": mask}
    handle = answer(case.map.blocks[case.layer], 10 * case.direction(), mask.clone())
    with torch.no_grad():
        steered = case.model(**batch).logits
        if hasattr(handle, "remove"):
            handle.remove()
        after = case.model(**batch).logits
    return {"handle": handle, "steered": steered, "after": after}
