import torch

from tutorial_lib import find_blocks, read_input, replace_input


def steer_positions(model, layer, vector, positions):
    """Pairs for `add_hooks(..., with_kwargs=True)` that add the vector at these positions of the text."""
    start = 0  # how many tokens came before those of the current call

    def note_start(module, args, kwargs):
        nonlocal start
        cache = kwargs.get("past_key_values")
        start = 0 if cache is None else cache.get_seq_length()

    def add_at_positions(module, args, kwargs):
        stream = read_input(args, kwargs)
        numbers = start + torch.arange(stream.shape[1], device=stream.device)
        chosen = torch.isin(numbers, torch.tensor(positions, device=stream.device))
        edited = stream + chosen[:, None] * vector.to(stream)
        return replace_input(args, kwargs, edited)

    return [(model, note_start), (find_blocks(model)[layer], add_at_positions)]
