"""A model is asked once where its stream is, and no function that touches a position forgets to ask."""

import copy

import pytest
import torch

import tutorial_lib
from tests.tiny_families import build, hooks_on
from tutorial_lib import UnaddressableStreamError, _api
from tutorial_lib.architecture.stream import STREAMS_APART, stream_of
from tutorial_lib.tiny_random.shrink import tiny_model

IDS = torch.tensor([[5, 9, 4, 7], [8, 3, 6, 2]])


def touch_a_position(model, tmp_path):
    """Each public function that reads, edits or patches single positions, as a call to try."""
    width = stream_of(model).width or 32
    vector = torch.ones(width)

    def metric(logits):
        return logits[:, -1, 0]

    def names(function, *args, **kwargs):
        return lambda: getattr(tutorial_lib, function)(model, *args, **kwargs)

    return {
        "get_residual_stream_at_layer": names("get_residual_stream_at_layer", 1, IDS, positions=-1),
        "cache_residual_streams": names("cache_residual_streams", IDS, positions=-1),
        "edit_residual_stream": names("edit_residual_stream", 1, torch.zeros_like, positions=1),
        "add_vector_to_residual_stream": names("add_vector_to_residual_stream", 1, vector, positions=1),
        "ablate_direction_from_residual": names("ablate_direction_from_residual", vector, positions=1),
        "ablate_direction_everywhere": names("ablate_direction_everywhere", vector, positions=1),
        "patch_residual_stream": names("patch_residual_stream", 1, torch.ones(2, 4, width), positions=1),
        "activation_patching": names("activation_patching", IDS, IDS.flip(0), metric),
        "direct_logit_attribution": names("direct_logit_attribution", IDS, IDS[:, 0], IDS[:, 1]),
        "logit_lens": names("logit_lens", IDS, positions=-1),
        "collect_residual_streams": names("collect_residual_streams", IDS.tolist(), [1], tmp_path / "out"),
        "collect_statistics": names("collect_statistics", IDS.tolist(), [1], tmp_path / "out"),
    }


@pytest.mark.parametrize("kind", sorted(STREAMS_APART))
def test_whatever_touches_a_position_refuses_a_stream_that_has_none_before_any_hook_is_on(kind, tmp_path):
    model = tiny_model(kind)
    model.register_forward_pre_hook(lambda module, args: pytest.fail("the model was run"))
    before = hooks_on(model)
    for name, call in touch_a_position(model, tmp_path).items():
        with pytest.raises(UnaddressableStreamError) as caught:
            call()
        assert STREAMS_APART[kind] in str(caught.value), name
        assert hooks_on(model) == before, name
    assert not (tmp_path / "out").exists()


def test_every_public_function_that_takes_positions_is_among_those_tried(tmp_path):
    tried = touch_a_position(build("llama"), tmp_path)
    taking = {
        name
        for name in _api.__all__
        if {"model", "positions"} <= set(getattr(getattr(tutorial_lib, name), "__annotations__", {}))
    }
    assert taking <= set(tried)
    assert len(taking) >= 7


def test_a_config_that_replaces_the_old_one_is_read():
    model = build("llama")
    assert stream_of(model).width == model.config.hidden_size
    model.config = copy.deepcopy(model.config)
    model.config.model_type = "xlnet"
    assert "batch second" in stream_of(model).not_addressable
