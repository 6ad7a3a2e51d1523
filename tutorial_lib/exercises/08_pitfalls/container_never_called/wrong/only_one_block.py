"""The first block stands for all of them."""


def streams_into(blocks, run):
    streams = []

    def keep(module, args):
        streams.append(args[0].clone())

    handle = blocks[0].register_forward_pre_hook(keep)
    try:
        run()
    finally:
        handle.remove()
    return streams
