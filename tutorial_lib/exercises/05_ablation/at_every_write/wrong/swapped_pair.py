"""The hook is put first, as if it were called on the module."""

from tutorial_lib import read_output, replace_output


def at_every_write(parts, direction):
    unit = direction / direction.norm()

    def without(x):
        return x - (x @ unit).unsqueeze(-1) * unit

    def clean_input(module, args):
        return (without(args[0]), *args[1:])

    def clean_output(module, args, output):
        return replace_output(output, without(read_output(output)))

    layers = range(parts.n_layers)
    writers = [part(layer) for layer in layers for part in (parts.attention, parts.mlp)]
    return (
        [(clean_input, block) for block in parts.blocks],
        [(clean_output, module) for module in (*writers, parts.blocks[-1])],
    )
