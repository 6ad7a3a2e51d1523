"""A pair is returned in the place of a list of them."""


def project_out(blocks, direction, layers):
    unit = direction / direction.norm()

    def hook(module, args):
        stream = args[0]
        along = (stream @ unit).unsqueeze(-1)
        return (stream - along * unit, *args[1:])

    return blocks[layers[0]], hook
