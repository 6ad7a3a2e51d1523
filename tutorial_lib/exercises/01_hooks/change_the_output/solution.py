def scale_mlp(mlp, factor):
    """Have the module give out `factor` times what it computes; return the handle of the hook."""

    def hook(module, args, output):
        return output * factor

    return mlp.register_forward_hook(hook)
