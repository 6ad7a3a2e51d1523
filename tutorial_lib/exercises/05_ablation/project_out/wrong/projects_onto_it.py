"""The part along the direction is kept and the rest is thrown away."""


def project_out(blocks, direction, layers):
    unit = direction / direction.norm()

    def hook(module, args):
        along = (args[0] @ unit).unsqueeze(-1)
        return (along * unit, *args[1:])

    return [(blocks[layer], hook) for layer in layers]
