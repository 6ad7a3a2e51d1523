"""The direction is used at the length that it has."""


def project_out(blocks, direction, layers):
    def hook(module, args):
        stream = args[0]
        along = (stream @ direction).unsqueeze(-1)
        return (stream - along * direction, *args[1:])

    return [(blocks[layer], hook) for layer in layers]
