"""The direction is subtracted, as in steering with a negative coefficient, not the part along it."""


def project_out(blocks, direction, layers):
    unit = direction / direction.norm()

    def hook(module, args):
        return (args[0] - unit, *args[1:])

    return [(blocks[layer], hook) for layer in layers]
