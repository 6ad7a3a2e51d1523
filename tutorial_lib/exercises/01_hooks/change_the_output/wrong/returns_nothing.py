"""The new output is computed and dropped."""


def scale_mlp(mlp, factor):
    def hook(module, args, output):
        output = output * factor

    return mlp.register_forward_hook(hook)
