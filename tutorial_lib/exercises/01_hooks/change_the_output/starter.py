def scale_mlp(mlp, factor):
    """Have the module give out `factor` times what it computes; return the handle of the hook."""
    raise NotImplementedError
