import torch

from tutorial_lib import add_hooks, read_input, read_output


def observe(answer, case):
    ids, vector = case.ids(), 2 * case.normal(case.d_model)
    before, block = case.map.blocks[case.layer - 1], case.map.blocks[case.layer]
    embedded = case.model.get_input_embeddings()(ids).detach().requires_grad_()
    held, received = [], []

    def keep(module, args, output):
        held.append(read_output(output))  # by reference, as a cache might

    def look(module, args):
        stream = read_input(args)
        received.append((stream.detach().clone(), stream.untyped_storage().data_ptr()))

    with add_hooks([], [(before, keep)]):
        handle = answer(block, vector)
        with add_hooks([(block, look)]):  # after the answer's hook
            logits = case.model(inputs_embeds=embedded).logits
    (gradient,) = torch.autograd.grad(logits.logsumexp(-1).sum(), embedded, allow_unused=True)
    if hasattr(handle, "remove"):
        handle.remove()
    stream, memory = received[0]
    return {
        "handle": handle,
        "held": held[0],
        "received": stream,
        "memory of what the block received": memory,
        "memory of what the block before gave out": held[0].untyped_storage().data_ptr(),
        "gradient": gradient,
        "after": case.logits(ids),
    }
