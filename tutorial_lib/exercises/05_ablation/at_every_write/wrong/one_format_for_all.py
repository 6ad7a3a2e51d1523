"""Every output is taken for a tuple, an MLP's too."""

from tutorial_lib import read_output, replace_output


def at_every_write(parts, direction):
    unit = direction / direction.norm()

    def without(x):
        return x - (x @ unit).unsqueeze(-1) * unit

    def clean_input(module, args):
        return (without(args[0]), *args[1:])

    def clean_output(module, args, output):
        return (without(output[0]), *output[1:])

    layers = range(parts.n_layers)
    return (
        [(block, clean_input) for block in parts.blocks],
        [(part(i), clean_output) for i in layers for part in (parts.attention, parts.mlp)],
    )
