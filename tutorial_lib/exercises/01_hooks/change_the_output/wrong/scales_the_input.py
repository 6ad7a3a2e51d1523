"""Twice as much in is taken to be twice as much out."""


def scale_mlp(mlp, factor):
    def hook(module, args):
        return (args[0] * factor,)

    return mlp.register_forward_pre_hook(hook)
