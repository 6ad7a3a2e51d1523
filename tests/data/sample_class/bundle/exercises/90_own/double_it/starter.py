def double_it(stream):
    """Return every value doubled; leave the tensor that was given as it is."""
    raise NotImplementedError
