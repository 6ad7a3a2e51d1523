"""Nothing needs to be returned if the tensor itself is changed, and others that hold it are forgotten."""


def scale_mlp(mlp, factor):
    def hook(module, args, output):
        output.mul_(factor)

    return mlp.register_forward_hook(hook)
