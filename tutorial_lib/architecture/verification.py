"""What was measured by running a model: plain data, made by `verify/`."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One thing that was checked: it passed, failed, or (None) does not apply; `detail` says why."""

    name: str
    passed: bool | None
    detail: str


@dataclass(frozen=True)
class Verification:
    """What was measured by running a model.

    Attributes:
        model_class: the class of the model.
        blocks_path: the name of the blocks in the model.
        n_layers: how many blocks there are.
        returns: what a block returns: "tensor", "tuple", "list" or the name of a class.
        passed_as: how a block gets the stream: "args[0]" or "hidden_states=".
        stream_shape: the shape of the stream in words, "[batch, seq, d_model]" where it is as usual.
        kind: how a block writes to the stream: a `Kind`, as measured.
        terms: which terms sum to the output of a block; " or " between blocks that differ.
        mid_stream: whether there is a stream between attention and MLP: whether the input of the MLP moves
            when the attention is silenced. None where a block has no two such parts.
        checks: see `Finding`.
        addressable: whether the stream is one `[batch, seq, d_model]` tensor that an edit at the input of a
            block reaches.
        reason: why it is not; empty if it is.
    """

    model_class: str
    blocks_path: str
    n_layers: int
    returns: str
    passed_as: str
    stream_shape: str
    kind: str
    terms: str
    mid_stream: bool | None
    checks: tuple[Finding, ...]
    addressable: bool
    reason: str

    @property
    def problems(self) -> tuple[str, ...]:
        """The checks that failed, in words."""
        return tuple(f"{check.name}: {check.detail}" for check in self.checks if check.passed is False)

    @property
    def ok(self) -> bool:
        """Whether no check failed and the stream can be addressed."""
        return self.addressable and not self.problems

    def __str__(self) -> str:
        marks = {True: "yes", False: "NO", None: "-"}
        width = max(len(check.name) for check in self.checks)
        rows = [f"  {c.name:<{width}}  {marks[c.passed]:<3}  {c.detail}".rstrip() for c in self.checks]
        head = f"{self.model_class}: {self.n_layers} blocks at {self.blocks_path}, {self.kind}"
        stream = f"  stream {self.stream_shape}, passed as {self.passed_as}, blocks return a {self.returns}"
        terms = f"  output of a block = {self.terms}"
        if self.mid_stream is not None:
            terms += f"; {'a' if self.mid_stream else 'no'} stream between attention and MLP"
        last = "  addressable" if self.addressable else f"  NOT addressable: {self.reason}"
        return "\n".join([head, stream, terms, *rows, last])
