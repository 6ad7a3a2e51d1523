"""The function is written without a parameter."""


def print_shape():
    def hook(module, args):
        print(tuple(args[0].shape))

    return hook
