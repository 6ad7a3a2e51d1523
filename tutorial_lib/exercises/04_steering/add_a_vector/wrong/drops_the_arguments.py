"""The stream alone is returned.

Right on: box, bloom (their blocks get everything else by keyword)
"""

from tutorial_lib import find_blocks


def add_a_vector(model, layer, vector, coefficient):
    def add_vector(module, args):
        return args[0] + coefficient * vector.to(args[0])

    return [(find_blocks(model)[layer], add_vector)]
