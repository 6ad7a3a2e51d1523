def stream_into(model, layer, ids):
    """Return the residual stream that comes into a block: `[batch, seq, d_model]`."""
    raise NotImplementedError
