"""The function looks at the block at once and registers nothing that prints."""


def print_shape(block):
    print(tuple(block.parameters().__next__().shape))
    return block.register_forward_pre_hook(lambda module, args: None)
