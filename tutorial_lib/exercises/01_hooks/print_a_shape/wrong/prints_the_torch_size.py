"""A shape is a `torch.Size`, and prints as one."""


def print_shape(block):
    def hook(module, args):
        print(args[0].shape)

    return block.register_forward_pre_hook(hook)
