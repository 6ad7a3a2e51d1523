import torch

from tutorial_lib import add_hooks


def observe(answer, case):
    ids, block = case.ids(batch=2, seq=5), case.map.blocks[case.layer]
    mask = torch.ones_like(ids)
    mask[0, :2] = 0
    token = int(ids[0, 0])

    @torch.no_grad()
    def plain():
        return {"plain": case.model(ids).logits}

    @torch.no_grad()
    def plain_and_padded():
        return {**plain(), "padded": case.model(ids, attention_mask=mask, use_cache=False).logits}

    clean = plain()["plain"]

    def likely(found):
        """How likely the token is as the next one, on average: a logarithm."""
        return found["plain"][:, -1].log_softmax(-1)[:, token].mean().item()

    def unlikely(found):
        return -likely(found)

    def distance(found):
        """How far the logits have moved."""
        return (found["plain"] - clean).abs().mean().item()

    def adds(vector):
        return lambda module, args: (args[0] + vector, *args[1:])

    def drops_arguments(vector):
        return lambda module, args: args[0] + vector

    def rescales(vector):
        def hook(module, args):
            size = args[0].norm(dim=-1, keepdim=True)
            return ((args[0] / size + vector / size.mean()) * size, *args[1:])

        return hook

    def doubles(vector):
        return lambda module, args: (2 * args[0] + vector, *args[1:])

    def asked(make_hook, vector, effect, results=plain):
        """What the answer says of one intervention, and with which vectors it tried it."""
        vectors = []

        def noting(v):
            vectors.append(v.clone())
            return make_hook(v)

        said = answer(block, noting, vector.clone(), results, effect)
        left = len(block._forward_pre_hooks) + len(block._forward_hooks)
        block._forward_pre_hooks.clear()  # so that hooks that were left on do not spoil the next one
        return {"verdict": said, "vector": vector, "vectors": vectors, "hooks left": left}

    steering, arguments = towards(case, block, ids, token)
    anything = case.normal(case.d_model, name="anything")
    anything = anything * steering.norm() / anything.norm()
    seen = {
        "adds": asked(adds, steering, likely),
        "lowers": asked(adds, steering, unlikely),
        "doubles": asked(doubles, steering, likely),
        "rescales": asked(rescales, steering, likely),
        "anything": asked(adds, anything, distance),
    }
    if arguments > 1:  # else there is nothing to drop, and this is `adds`
        seen["drops"] = asked(drops_arguments, steering, likely, plain_and_padded)
    return seen


def towards(case, block, ids, token):
    """A vector, a tenth as long as the stream, for a likelier token; and how many arguments the block has.

    A longer one would tear the stream of a random model so far that noise at times does half as much.
    """
    kept = []

    def keep(module, args):
        kept.extend((args[0].detach().requires_grad_(), len(args)))
        return (kept[0], *args[1:])

    with add_hooks([(block, keep)]):
        chance = case.model(ids).logits[:, -1].log_softmax(-1)[:, token].mean()
    (gradient,) = torch.autograd.grad(chance, kept[0])
    vector = gradient.sum((0, 1))
    return vector * kept[0].detach().norm(dim=-1).mean() / vector.norm() / 10, kept[1]
