"""Layer 1 is taken for the first block."""

from tutorial_lib import find_blocks


def add_a_vector(model, layer, vector, coefficient):
    def add_vector(module, args):
        return (args[0] + coefficient * vector.to(args[0]), *args[1:])

    return [(find_blocks(model)[layer - 1], add_vector)]
