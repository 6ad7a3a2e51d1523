from tutorial_lib import get_residual_stream_at_layer
from tutorial_lib.exercises.checking import Wrong, check, expect_tensor, is_close
from tutorial_lib.exercises.mistakes import rule_out, when

BY_ROW = "positions edited, by row: {}"


def texts(case):
    return case.ids(batch=2, seq=7), [case.positions(7, 1, "text 0"), case.positions(7, 2, "text 1")]


def silenced(case, positions_by_row):
    """The stream with zeros at some positions of each row; rows are texts times copies."""
    ids, _ = texts(case)
    copies = len(positions_by_row) // len(ids)
    stream = get_residual_stream_at_layer(case.model, case.layer, ids).repeat_interleave(copies, dim=0)
    for row, positions in enumerate(positions_by_row):
        stream[row, positions] = 0
    return stream


def edited(stream):
    """The positions of each row at which a stream is zero."""
    return [row.nonzero().flatten().tolist() for row in (stream == 0).all(dim=-1)]


@check("in a plain call each text is edited at its positions")
def plain_call(case, seen):
    _, positions = texts(case)
    wanted = silenced(case, positions)
    found = expect_tensor(seen["plain"], "the stream after your hook", tuple(wanted.shape))
    if is_close(found, wanted):
        return
    rows = edited(found)
    mistakes = {
        "all_positions_in_all_rows": when(
            rows == [sorted({*positions[0], *positions[1]})] * 2,
            "you edited every row at the positions of all texts; each row has those of its own text",
        ),
        "wrong_without_beams": "without beams, in a plain call, other places are edited",
    }
    rule_out(mistakes, expected=BY_ROW.format(positions), seen=BY_ROW.format(rows))


@check("with beams each row is edited at the positions of its text")
def with_beams(case, seen):
    _, (first, second) = texts(case)
    beams = case.number("beams", 3, 4)
    wanted = [first] * beams + [second] * beams
    stream = silenced(case, wanted)
    found = expect_tensor(seen["prompt"], "the stream after your hook", tuple(stream.shape))
    if is_close(found, stream):
        return
    rows = edited(found)
    mistakes = {
        "only_the_first_rows": when(
            rows == [first, second] + [[]] * (2 * beams - 2),
            "you edited as many rows as there are texts, and with beams these are beams of the first text",
        ),
        "takes_turns": when(
            rows == [first, second] * beams,
            "you dealt the rows out to the texts in turn; generate keeps the beams of a text together",
        ),
        "one_beam_of_each_text": when(
            rows == ([first] + [[]] * (beams - 1) + [second] + [[]] * (beams - 1)),
            "you edited the first beam of each text, and the other beams go on without the edit",
        ),
        "other_rows": "with beams other places are edited",
    }
    rule_out(mistakes, expected=BY_ROW.format(wanted), seen=BY_ROW.format(rows))


@check("new tokens stay unedited")
def new_tokens(case, seen):
    zeros = [edited(expect_tensor(stream, "the stream of a new token")) for stream in seen["later"]]
    if any(any(rows) for rows in zeros):
        raise Wrong(
            "edits_new_tokens",
            "you edited a call with one new token, which is no position of the prompt",
            expected="no position edited",
            seen=BY_ROW.format(zeros[0]),
            see="chapters/7-pitfalls/3-generation.md#position-5-does-not-exist-in-the-second-call",
        )


@check("the hook can be taken off", see="chapters/1-hook-basics.md#a-pre-hook-sees-what-comes-in")
def comes_off(case, seen):
    ids, _ = texts(case)
    if not is_close(seen["off"], case.logits(ids)):
        raise Wrong(
            "stays_on",
            "after handle.remove() the stream is still edited",
            expected="the handle that register_forward_pre_hook gave",
            seen=seen["handle"] if seen["handle"] is not None else "None was returned",
        )


def explain_crash(case, crash):
    return {
        "edits_new_tokens": when(
            crash.type_name == "IndexError" and "with size 1" in crash.message,
            "later calls of generate have one new token, and your hook looks for a position of the prompt",
            expected="an edit in the call with the prompt alone",
            seen=crash.message,
            see="chapters/7-pitfalls/3-generation.md#position-5-does-not-exist-in-the-second-call",
        ),
    }
