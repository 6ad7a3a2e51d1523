from tutorial_lib import read_output, replace_output


def at_every_write(parts, direction):
    """Pre-hook pairs and forward hook pairs that keep the direction [d_model] out of the whole stream."""
    raise NotImplementedError
