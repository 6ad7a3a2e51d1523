"""The vector is added as it is: float32 plus float64 is float64."""

from tutorial_lib import find_blocks


def add_a_vector(model, layer, vector, coefficient):
    def add_vector(module, args):
        return (args[0] + coefficient * vector, *args[1:])

    return [(find_blocks(model)[layer], add_vector)]
