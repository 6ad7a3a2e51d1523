"""Llama's path is taken for that of every model.

Right on: box, longcat_flash (they have the same path)
"""


def find_blocks(model, ids):
    return model.model.layers
