def double_it(stream):
    return stream[10] * 2
