"""The output is taken for a tuple, as in much code that one finds."""


def scale_mlp(mlp, factor):
    def hook(module, args, output):
        return output[0] * factor

    return mlp.register_forward_hook(hook)
