"""What is no tuple must be a tensor."""


def edit_output(output, edit):
    if isinstance(output, tuple):
        return (edit(output[0]), *output[1:])
    return edit(output)
