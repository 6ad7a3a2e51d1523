"""The handle is dropped, and with it the only way to take the hook off."""


def print_shape(block):
    def hook(module, args):
        print(tuple(args[0].shape))

    block.register_forward_pre_hook(hook)
