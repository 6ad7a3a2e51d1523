"""Positions that the call does not have are left out, and the others still count from its start."""

from tutorial_lib import find_blocks, read_input, replace_input


def steer_positions(model, layer, vector, positions):
    def add_vector(module, args, kwargs):
        stream = read_input(args, kwargs).clone()
        here = [position for position in positions if position < stream.shape[1]]
        stream[:, here] += vector.to(stream)
        return replace_input(args, kwargs, stream)

    return [(find_blocks(model)[layer], add_vector)]
