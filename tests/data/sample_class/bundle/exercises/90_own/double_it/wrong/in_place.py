def double_it(stream):
    return stream.mul_(2)
