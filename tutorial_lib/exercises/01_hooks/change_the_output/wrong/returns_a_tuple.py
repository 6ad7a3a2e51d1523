"""What a pre-hook returns, a tuple, is returned from a forward hook."""


def scale_mlp(mlp, factor):
    def hook(module, args, output):
        return (output * factor,)

    return mlp.register_forward_hook(hook)
