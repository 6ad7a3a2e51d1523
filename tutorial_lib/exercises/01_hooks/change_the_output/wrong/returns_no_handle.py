"""The handle is dropped."""


def scale_mlp(mlp, factor):
    def hook(module, args, output):
        return output * factor

    mlp.register_forward_hook(hook)
