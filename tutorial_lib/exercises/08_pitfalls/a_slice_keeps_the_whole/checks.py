from tutorial_lib.exercises.checking import Wrong, check, expect_close
from tutorial_lib.exercises.mistakes import rule_out, when

SHAPES = {"three": (3, 7), "one": (1, 9), "two": (2, 5)}


def streams(case):
    """The streams before the block, for each batch."""
    return [case.streams(case.ids(*shape, name))[case.layer] for name, shape in SHAPES.items()]


@check("the last position of each batch is returned")
def last_position(case, seen):
    wanted = [stream[:, -1] for stream in streams(case)]
    if not isinstance(seen["kept"], list) or len(seen["kept"]) != len(wanted):
        raise Wrong(
            "no_list",
            "you did not return one tensor for each batch",
            expected=f"a list of {len(wanted)} tensors",
            seen=seen["kept"] if seen["kept"] is not None else "None",
        )
    for number, (found, right) in enumerate(zip(seen["kept"], wanted, strict=True)):
        expect_close(found, right, f"what you kept of batch {number}")


@check("what is kept holds the memory that it shows, and no more")
def no_more_memory(case, seen):
    whole = [stream.numel() * stream.element_size() for stream in streams(case)]
    memory = seen["memory"]
    larger = [number for number, each in enumerate(memory) if each["held"] > each["shown"]]
    if not larger:
        return
    worst = larger[0]
    shape = list(SHAPES.values())[worst]
    a_view = all(memory[number]["of"] in seen["streams"] for number in larger)
    mistakes = {
        "contiguous_may_not_copy": when(
            a_view and larger == [1],
            "it is right for several texts, and for a single one you keep a window on the whole stream: "
            "`contiguous` and `reshape` copy only where they must",
        ),
        "still_a_view": when(
            a_view,
            "what you keep is still a window on the model's own tensor: `detach`, `cpu` and `float` copy "
            "nothing where there is nothing to do",
            see="chapters/7-pitfalls/5-memory-and-gradients.md#clone-is-not-detach-detach-is-not-clone",
        ),
        "one_memory_for_all": when(
            len({each["of"] for each in memory}) == 1,
            "your tensors are windows on one large tensor, so each of them holds the memory of all",
        ),
        "clones_the_whole": when(
            all(memory[number]["held"] >= whole[number] for number in larger),
            "you copied the whole stream and keep a window on the copy; copy what you want to keep",
        ),
        "still_a_window": "what you keep is a window on a larger piece of memory",
    }
    shown = memory[worst]["shown"]
    expected = f"{shown} bytes held for a batch of {shape[0]} with {shape[1]} tokens"
    rule_out(mistakes, expected=expected, seen=f"{memory[worst]['held']} bytes held, {shown} shown")


@check(
    "what is kept holds no graph",
    see="chapters/7-pitfalls/5-memory-and-gradients.md#a-capture-holds-the-graph",
)
def no_graph(case, seen):
    if any(each["in the graph"] for each in seen["memory"]):
        raise Wrong(
            "holds_the_graph",
            "what you keep knows how it was computed, and holds every tensor on the way",
            expected="requires_grad is False",
            seen="requires_grad is True",
        )


@check("the hook is off afterwards, and the model as it was")
def hook_is_off(case, seen):
    expect_close(seen["after"], case.logits(case.ids(*SHAPES["three"], "three")), "what the model says")
