import torch


def observe(answer, case):
    ids = case.ids()
    stream = answer(case.model, ids)
    with torch.no_grad():
        after = case.model(ids, output_hidden_states=True)
    return {"stream": stream, "logits": after.logits, "hidden states": list(after.hidden_states)}
