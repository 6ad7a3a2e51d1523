"""The mean runs over positions as well."""

from tutorial_lib import get_residual_stream_at_layer


def direction_between(model, layer, position, towards, away):
    a = get_residual_stream_at_layer(model, layer, towards).mean(dim=(0, 1))
    b = get_residual_stream_at_layer(model, layer, away).mean(dim=(0, 1))
    return (a - b) / (a - b).norm()
