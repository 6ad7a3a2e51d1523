from tutorial_lib import find_blocks


def add_a_vector(model, layer, vector, coefficient):
    """Pairs for `add_hooks` that add coefficient * vector to what block `layer` is called with."""
    raise NotImplementedError
