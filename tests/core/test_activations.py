"""Reading and replacing the hidden state in arguments and outputs of every form."""

import re
from typing import NamedTuple

import pytest
import torch
from transformers.modeling_outputs import BaseModelOutputWithPast, CausalLMOutput

from tutorial_lib import read_input, read_output, replace_input, replace_output
from tutorial_lib.arguments import check_positions, position_index

OLD, NEW, MASK = torch.zeros(2, 3, 4), torch.ones(2, 3, 4), torch.ones(2, 3)


class Pair(NamedTuple):
    hidden: torch.Tensor
    weights: torch.Tensor


def test_the_hidden_state_is_the_first_positional_argument_or_the_keyword():
    assert read_input((OLD, MASK)) is OLD
    assert read_input((OLD,), {"hidden_states": NEW}) is OLD
    assert read_input((), {"attention_mask": MASK, "hidden_states": OLD}) is OLD
    assert read_input(OLD) is OLD


def test_replacing_keeps_every_other_argument():
    args, kwargs = (OLD, MASK, None), {"use_cache": True}
    replaced = replace_input(args, None, NEW)
    assert replaced[0] is NEW
    assert replaced[1:] == (MASK, None)
    assert replace_input(args, kwargs, NEW) == ((NEW, MASK, None), kwargs)
    assert replace_input((), {"hidden_states": OLD, **kwargs}, NEW) == ((), {"hidden_states": NEW, **kwargs})
    assert replace_input(OLD, None, NEW) is NEW


def test_replacing_edits_nothing_in_place():
    args, kwargs, listed = (), {"hidden_states": OLD}, [OLD, MASK]
    output = BaseModelOutputWithPast(last_hidden_state=OLD)
    replace_input(args, kwargs, NEW)
    replace_output(listed, NEW)
    replace_output(output, NEW)
    assert kwargs["hidden_states"] is OLD
    assert listed[0] is OLD
    assert output.last_hidden_state is OLD
    assert torch.equal(OLD, torch.zeros(2, 3, 4))


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [((OLD, MASK), {"use_cache": True}), ((), {"hidden_states": OLD}), (OLD, {"use_cache": True})],
)
def test_what_is_added_to_replaced_arguments_does_not_reach_those_of_the_caller(args, kwargs):
    before = dict(kwargs)
    _, replaced = replace_input(args, kwargs, NEW)
    replaced["more"] = 1
    assert kwargs == before


def test_no_positional_argument_and_no_sight_of_keywords_points_to_with_kwargs():
    with pytest.raises(ValueError, match=r"with_kwargs=True"):
        read_input((), None)
    with pytest.raises(ValueError, match=r"no positional argument and no 'hidden_states' among \['x'\]"):
        read_input((), {"x": OLD})


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ((None,), "first positional argument must be the hidden state, a tensor, got NoneType"),
        (
            (torch.zeros(2, 3, dtype=torch.long),),
            r"torch.int64 of shape \(2, 3\), which looks like token ids",
        ),
        (([OLD],), "got list"),
    ],
)
def test_what_is_no_hidden_state_is_named(args, message):
    with pytest.raises(TypeError, match=message):
        read_input(args)
    with pytest.raises(TypeError, match=message):
        replace_input(args, None, NEW)


@pytest.mark.parametrize("output", [(OLD, MASK), [OLD, MASK], Pair(OLD, MASK), (OLD,)])
def test_an_output_keeps_its_type_and_its_other_elements(output):
    replaced = replace_output(output, NEW)
    assert read_output(output) is OLD
    assert type(replaced) is type(output)
    assert replaced[0] is NEW
    assert all(new is old for new, old in zip(replaced[1:], output[1:], strict=True))


def test_a_tensor_output_is_replaced_as_a_whole():
    assert read_output(OLD) is OLD
    assert replace_output(OLD, NEW) is NEW


@pytest.mark.parametrize(
    "output",
    [
        BaseModelOutputWithPast(last_hidden_state=OLD, past_key_values=MASK),
        {"hidden_states": OLD, "past_key_values": MASK},
    ],
)
def test_a_model_output_or_dict_is_read_and_replaced_by_key(output):
    key = next(iter(output))
    assert read_output(output) is OLD
    replaced = replace_output(output, NEW)
    assert type(replaced) is type(output)
    assert replaced[key] is NEW
    assert replaced["past_key_values"] is MASK
    if not isinstance(output, dict) or hasattr(output, "last_hidden_state"):
        assert replaced.last_hidden_state is NEW


@pytest.mark.parametrize(
    "keys", [("last_hidden_state", "hidden_states"), ("hidden_states", "last_hidden_state")]
)
def test_the_last_hidden_state_comes_before_the_states_of_all_layers(keys):
    values = {"last_hidden_state": OLD, "hidden_states": (MASK, OLD)}
    for output in (BaseModelOutputWithPast(**values), {key: values[key] for key in keys}):
        assert read_output(output) is OLD
        replaced = replace_output(output, NEW)
        assert replaced["last_hidden_state"] is NEW
        assert replaced["hidden_states"] is values["hidden_states"]


@pytest.mark.parametrize(
    ("output", "error", "message"),
    [
        (None, TypeError, "got NoneType"),
        ((), ValueError, "empty tuple"),
        ((None, OLD), TypeError, "first element of the output tuple .* got NoneType"),
        (CausalLMOutput(logits=OLD), ValueError, r"the output has \['logits'\]"),
        ("text", TypeError, "got str"),
    ],
)
def test_an_output_without_a_hidden_state_is_named(output, error, message):
    with pytest.raises(error, match=message):
        read_output(output)
    with pytest.raises(error, match=message):
        replace_output(output, NEW)


@pytest.mark.parametrize(
    ("positions", "expected"),
    [
        (2, [2]),
        (-1, [4]),
        ([0, -5, 3], [0, 0, 3]),
        ((1, 2), [1, 2]),
        (range(2), [0, 1]),
        (torch.tensor([3, -1]), [3, 4]),
        (torch.tensor(1), [1]),
        (slice(1, None), slice(1, None)),
        ([], []),
    ],
)
def test_positions_of_every_form_become_an_index(positions, expected):
    assert position_index(check_positions(positions), 5) == expected


@pytest.mark.parametrize("position", [5, -6, 100])
def test_a_position_outside_is_named_with_the_length(position):
    with pytest.raises(
        ValueError, match=f"position {position} is out of range: this call has 5 tokens.*-5 to 4"
    ):
        position_index([0, position], 5)


@pytest.mark.parametrize(
    "positions",
    [True, 1.0, "1", None, [0, True], [1.5], torch.tensor([True]), torch.tensor([1.0]), torch.zeros(1, 1)],
)
def test_positions_of_a_wrong_type_are_named(positions):
    with pytest.raises(TypeError, match=r"whole number"):
        check_positions(positions)


@pytest.mark.parametrize(
    "tensor",
    [
        torch.tensor([True, False]),
        torch.zeros(0, dtype=torch.bool),
        torch.tensor([1.0]),
        torch.tensor([]),
        torch.zeros(1, 1, dtype=torch.long),
    ],
    ids=str,
)
def test_a_tensor_of_no_positions_is_named_by_its_dtype_and_shape(tensor):
    with pytest.raises(TypeError, match=re.escape(f"got {tensor.dtype} of shape {tuple(tensor.shape)}")):
        check_positions(tensor)


def test_later_changes_to_the_callers_positions_do_not_count():
    listed, tensor = [1], torch.tensor([1])
    checked = check_positions(listed), check_positions(tensor)
    listed[0] = 2
    tensor[0] = 2
    assert checked == ([1], [1])


def test_arguments_of_replace_input_in_another_order_are_named():
    with pytest.raises(
        TypeError, match=r"\(args, kwargs, hidden\): kwargs must be a dict or None, got Tensor"
    ):
        replace_input((torch.ones(2),), torch.ones(2), {})
