"""The hook computes the output anew, through the module that it is on."""


def scale_mlp(mlp, factor):
    def hook(module, args, output):
        return module(*args) * factor

    return mlp.register_forward_hook(hook)
