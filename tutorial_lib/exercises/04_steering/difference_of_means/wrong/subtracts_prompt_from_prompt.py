"""The mean is taken after the subtraction, as if the prompts came in pairs."""

from tutorial_lib import get_residual_stream_at_layer


def direction_between(model, layer, position, towards, away):
    a = get_residual_stream_at_layer(model, layer, towards)[:, position]
    b = get_residual_stream_at_layer(model, layer, away)[:, position]
    difference = (a - b).mean(dim=0)
    return difference / difference.norm()
