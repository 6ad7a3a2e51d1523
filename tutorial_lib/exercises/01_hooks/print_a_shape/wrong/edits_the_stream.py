"""The stream is edited while it is looked at."""


def print_shape(block):
    def hook(module, args):
        args[0].detach().mul_(2)
        print(tuple(args[0].shape))

    return block.register_forward_pre_hook(hook)
