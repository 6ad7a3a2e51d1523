"""One name for all handles."""


def streams_into(blocks, run):
    streams = []

    def keep(module, args):
        streams.append(args[0].clone())

    for block in blocks:
        handle = block.register_forward_pre_hook(keep)
    run()
    handle.remove()
    return streams
