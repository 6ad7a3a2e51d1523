"""A copy is made, and `output[0]` of it is taken for the hidden state."""


def scale_mlp(mlp, factor):
    def hook(module, args, output):
        output = output.clone()
        output[0] = output[0] * factor
        return output

    return mlp.register_forward_hook(hook)
