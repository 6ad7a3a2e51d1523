"""A forward hook is written with the parameters of a pre-hook."""


def scale_mlp(mlp, factor):
    def hook(module, output):
        return output * factor

    return mlp.register_forward_hook(hook)
