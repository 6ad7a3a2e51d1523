"""The hook is on the right modules and after them."""

from tutorial_lib import add_hooks, read_output


def streams_into(blocks, run):
    streams = []

    def keep(module, args, output):
        streams.append(read_output(output).clone())

    with add_hooks(module_forward_hooks=[(block, keep) for block in blocks]):
        run()
    return streams
