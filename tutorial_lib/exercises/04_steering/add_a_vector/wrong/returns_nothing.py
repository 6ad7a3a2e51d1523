"""The sum is computed and not returned."""

from tutorial_lib import find_blocks


def add_a_vector(model, layer, vector, coefficient):
    def add_vector(module, args):
        stream = args[0].clone()
        stream += coefficient * vector.to(stream)

    return [(find_blocks(model)[layer], add_vector)]
