"""The right modules, after the run."""


def streams_into(blocks, run):
    streams = []

    def keep(module, args):
        streams.append(args[0].clone())

    run()
    handles = [block.register_forward_pre_hook(keep) for block in blocks]
    for handle in handles:
        handle.remove()
    return streams
