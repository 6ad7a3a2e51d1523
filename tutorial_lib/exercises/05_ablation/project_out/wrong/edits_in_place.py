"""The projection is right, and written into the model's own tensor."""


def project_out(blocks, direction, layers):
    unit = direction / direction.norm()

    def hook(module, args):
        stream = args[0]
        stream -= (stream @ unit).unsqueeze(-1) * unit

    return [(blocks[layer], hook) for layer in layers]
