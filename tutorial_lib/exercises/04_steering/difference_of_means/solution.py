from tutorial_lib import get_residual_stream_at_layer


def direction_between(model, layer, position, towards, away):
    """From the mean stream of `away` to the mean stream of `towards`, of norm 1: [d_model]."""

    def mean_stream(input_ids):
        stream = get_residual_stream_at_layer(model, layer, input_ids)
        return stream[:, position].mean(dim=0)

    difference = mean_stream(towards) - mean_stream(away)
    return difference / difference.norm()
