def project_out(blocks, direction, layers):
    """Pairs (block, pre-hook) that take the direction [d_model] out of the stream at the given layers."""
    raise NotImplementedError
