def double_it(stream):
    return stream.tolist() * 2
