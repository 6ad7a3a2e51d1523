from tutorial_lib import get_residual_stream_at_layer


def direction_between(model, layer, position, towards, away):
    """From the mean stream of `away` to the mean stream of `towards`, of norm 1: [d_model]."""
    raise NotImplementedError
