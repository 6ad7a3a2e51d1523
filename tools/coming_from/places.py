"""Where the hook points of TransformerLens are in transformers and in nnsight: rows that the tests run."""

from __future__ import annotations

from dataclasses import dataclass

HEADS = "{x}.unflatten(-1, (n_heads, -1))"


@dataclass(frozen=True)
class Place:
    """A row of the table.

    Attributes:
        hook: the name in TransformerLens, at layer 2 where there are layers.
        module: the path of the module, in a Llama; "" for a value inside a function, where no module is.
        side: whether it is the module's "input" or "output".
        made: how the value is made of that `{x}` and the module `{m}`.
        library: what of this library gives it or edits it.
        inside: how nnsight reaches a value inside a function.
        families: the models that have it.
    """

    hook: str
    module: str = ""
    side: str = "output"
    made: str = "{x}"
    library: str = ""
    inside: str = ""
    families: tuple[str, ...] = ("llama", "gpt2")

    @property
    def where(self) -> str:
        """Which side of which module, as one writes it."""
        return f"{indexed(self.module)}.{self.side}"

    @property
    def then(self) -> str:
        """What is made of it, and what of this library gives it, in a few words of Markdown."""
        in_words = {"{x}": "", HEADS: "*heads*"}  # the latter is explained above the table
        made = in_words.get(self.made, f"`{self.made.format(x='x', m='m')}`")
        return "; ".join(filter(None, (made, self.library)))

    @property
    def in_nnsight(self) -> str:
        """The expression in a trace."""
        if not self.module:
            return self.inside
        module = f"lm.{indexed(self.module)}"
        return self.made.format(x=f"{module}.{self.side}", m=module)


def indexed(path: str) -> str:
    """`model.layers.2.mlp` as one writes it, `model.layers[2].mlp`."""
    return path.replace(".2", "[2]")


BLOCK = "model.layers.2"
ATTENTION = f"{BLOCK}.self_attn"
# The operation's name in nnsight, which it makes from the source of transformers' attention.
INTERFACE = "lm.model.layers[2].self_attn.source.attention_interface_1"
LLAMA, GPT2 = ("llama",), ("gpt2",)
PLACES = (
    Place(
        "hook_embed",
        "model.embed_tokens",
        library="`parts.embedding`",
    ),
    Place("hook_pos_embed", "transformer.wpe", families=GPT2),
    Place(
        "blocks.2.hook_resid_pre",
        BLOCK,
        "input",
        library="layer 2 of `cache_residual_streams`",
    ),
    Place(
        "blocks.2.ln1.hook_normalized",
        f"{BLOCK}.input_layernorm",
        made="{x} / {m}.weight",
        families=LLAMA,
    ),
    Place(
        "blocks.2.ln1.hook_normalized",
        f"{BLOCK}.input_layernorm",
        made="({x} - {m}.bias) / {m}.weight",
        families=GPT2,
    ),
    Place("blocks.2.ln1.hook_out", f"{BLOCK}.input_layernorm"),
    Place(
        "blocks.2.attn.hook_q",
        f"{ATTENTION}.q_proj",
        made=HEADS,
        families=LLAMA,
    ),
    Place(
        "blocks.2.attn.hook_k",
        f"{ATTENTION}.k_proj",
        made=HEADS,
        families=LLAMA,
    ),
    Place(
        "blocks.2.attn.hook_v",
        f"{ATTENTION}.v_proj",
        made=HEADS,
        families=LLAMA,
    ),
    *(
        Place(
            f"blocks.2.attn.hook_{name}",
            f"{ATTENTION}.c_attn",
            made="{x}" + f".chunk(3, -1)[{number}].unflatten(-1, (n_heads, -1))",
            families=GPT2,
        )
        for number, name in enumerate("qkv")
    ),
    Place(
        "blocks.2.attn.hook_rot_q",
        inside=f"{INTERFACE}.inputs[0][1].transpose(1, 2)",
        families=LLAMA,
    ),
    Place(
        "blocks.2.attn.hook_attn_scores",
        inside=f"{INTERFACE}.source.nn_functional_softmax_0.inputs[0][0]",
    ),
    Place(
        "blocks.2.attn.hook_pattern",
        ATTENTION,
        made="{x}[1]",
        library="`output_attentions=True`",
    ),
    Place("blocks.2.attn.hook_z", f"{ATTENTION}.o_proj", "input", made=HEADS),
    Place(
        "blocks.2.hook_attn_out",
        ATTENTION,
        made="{x}[0]",
        library="`parts.attention(2)`",
    ),
    Place("blocks.2.hook_resid_mid", f"{BLOCK}.post_attention_layernorm", "input"),
    Place("blocks.2.mlp.hook_pre", f"{BLOCK}.mlp.gate_proj"),
    Place("blocks.2.mlp.hook_pre_linear", f"{BLOCK}.mlp.up_proj", families=LLAMA),
    Place("blocks.2.mlp.hook_post", f"{BLOCK}.mlp.down_proj", "input"),
    Place(
        "blocks.2.hook_mlp_out",
        f"{BLOCK}.mlp",
        library="`parts.mlp(2)`",
    ),
    Place(
        "blocks.2.hook_resid_post",
        BLOCK,
        library="layer 3 of `cache_residual_streams`",
    ),
    Place(
        "ln_final.hook_normalized",
        "model.norm",
        made="{x} / {m}.weight",
        families=LLAMA,
    ),
    Place(
        "ln_final.hook_normalized",
        "model.norm",
        made="({x} - {m}.bias) / {m}.weight",
        families=GPT2,
    ),
    Place(
        "ln_final.hook_out",
        "model.norm",
        library="`parts.final_norm`",
    ),
    Place(
        "unembed.hook_out",
        "lm_head",
        library="`parts.unembedding`",
    ),
)

HEADS_OUT = ".unflatten(0, (n_heads, -1))"
# The weights: in TransformerLens, and in a Llama and a GPT-2 of transformers.
WEIGHTS = {
    "llama": {
        "bridge.W_E": "model.model.embed_tokens.weight",
        "bridge.W_Q[2]": f"model.model.layers[2].self_attn.q_proj.weight{HEADS_OUT}.mT",
        "bridge.W_O[2]": f"model.model.layers[2].self_attn.o_proj.weight.T{HEADS_OUT}",
        "bridge.W_gate[2]": "model.model.layers[2].mlp.gate_proj.weight.T",
        "bridge.W_in[2]": "model.model.layers[2].mlp.up_proj.weight.T",
        "bridge.W_out[2]": "model.model.layers[2].mlp.down_proj.weight.T",
        "bridge.W_U": "model.lm_head.weight.T",
    },
    "gpt2": {
        "bridge.W_E": "model.transformer.wte.weight",
        "bridge.W_pos": "model.transformer.wpe.weight",
        "bridge.W_Q[2]": "model.transformer.h[2].attn.c_attn.weight.chunk(3, -1)[0]"
        ".unflatten(-1, (n_heads, -1)).transpose(0, 1)",
        "bridge.W_O[2]": f"model.transformer.h[2].attn.c_proj.weight{HEADS_OUT}",
        "bridge.W_in[2]": "model.transformer.h[2].mlp.c_fc.weight",
        "bridge.W_out[2]": "model.transformer.h[2].mlp.c_proj.weight",
        "bridge.W_U": "model.lm_head.weight.T",
    },
}
