"""A forward hook in place of a pre-hook, on the same list."""


def streams_into(blocks, run):
    streams = []

    def keep(module, args, output):
        streams.append(args[0].clone())

    handle = blocks.register_forward_hook(keep)
    try:
        run()
    finally:
        handle.remove()
    return streams
