def streams_into(blocks, run):
    """The stream `[batch, seq, d_model]` that comes into each of the blocks while `run()` runs, as a list."""
    streams = []

    def keep(module, args):
        streams.append(args[0].clone())

    handle = blocks.register_forward_pre_hook(keep)
    try:
        run()
    finally:
        handle.remove()
    return streams
