"""What measurement cannot say: what the kinds of stream are, and why a type is an exception.

That a type differs, and how, is measured and comes from its row. Here stands only the cause, read in the
model's code.
"""

# In the order of the page: heading and what it means.
KINDS: dict[str, tuple[str, str]] = {
    "pre-norm": (
        "Pre-norm",
        "Attention and MLP in turn read a normalised copy of the stream and add to the stream as it is.",
    ),
    "parallel": (
        "Parallel",
        "Attention and MLP read the same stream and both add to it, so there is no stream between them.",
    ),
    "sandwich": ("Sandwich", "What attention and MLP add to the stream is normalised before it is added."),
    "post-norm": (
        "Post-norm",
        "The stream itself is normalised after each addition: nothing that is written stays as it was.",
    ),
    "single-mixer": ("One mixer a block", "A block adds one thing to the stream, as state-space models do."),
    "mixed": ("Mixed", "Blocks of several structures follow each other, with different sums."),
    "several-streams": (
        "Several streams",
        "More than one stream of the model's width goes from block to block.",
    ),
    "unknown": (
        "Sum not found",
        "The stream is there, but what a block returns is no sum of what the modules inside it return: its "
        "own code computes something else.",
    ),
}
NO_KIND = ("Not verified", "The process of these types did not come to an end.")

_STATE_SPACE = (
    "The model records its hidden states after each block and not before it, so the embedding is not "
    "among them. The input of a block is the stream."
)
_CODEBOOKS = (
    "The model reads audio codes. The codebooks of one sample are rows of the input, and their embeddings "
    "are summed, so the stream has fewer rows than the input."
)
_HYPER = "Hyper-connections: a block reads a mixture of several copies of the stream and writes to all."
_ALTUP = "AltUp: four versions of the stream, of which a block computes one and predicts the others."

# Why, for the types that need it.
WHY: dict[str, str] = {
    "blt": "Several models in one, with blocks of cross-attention between. Its hidden_states begin with "
    "those of the model that cuts bytes into patches.",
    "cpmant": "A trained prompt is put before the tokens, inside the model.",
    "deepseek_v4": _HYPER,
    "falcon_mamba": _STATE_SPACE,
    "gemma3n": _ALTUP,
    "gemma3n_text": _ALTUP,
    "hrm_text": "Two stacks of blocks, one slow and one fast, are run in turns. Its hidden_states are of "
    "all calls of both.",
    "hy_v4": _HYPER,
    "inkling2_text": "Its parts also read the streams of earlier blocks, kept in a tensor beside it.",
    "mamba": _STATE_SPACE,
    "mamba2": _STATE_SPACE,
    "mllama": "Blocks of cross-attention run only if there is an image; text passes by them.",
    "musicgen": _CODEBOOKS,
    "musicgen_melody": _CODEBOOKS,
    "prophetnet": "It predicts several tokens ahead: the streams of predictions stand after the first.",
    "qwen4_exp": _HYPER,
    "qwen4_exp_text": _HYPER,
    "reformer": "Reversible blocks: attention writes to one stream and the MLP to the other.",
    "rwkv": _STATE_SPACE,
    "xlm": "Attentions and MLPs are kept in lists of their own; no module is a block.",
    "xlnet": "It keeps the sequence in the first dimension and the batch in the second.",
}
