def double_it(stream):
    return stream + 2
