"""find_blocks and map_model: right for every family, searched for once, never in a model's way."""

import copy
import gc
import weakref

import pytest
import torch
import transformers
from torch import nn

from tests.tiny_families import (
    D_MODEL,
    FAMILIES,
    LAYERS,
    VOCAB,
    WIDTHS,
    build,
    build_gemma3_vision,
    token_ids,
)
from tutorial_lib import (
    UnaddressableStreamError,
    add_hooks,
    cache_residual_streams,
    find_blocks,
    get_residual_stream_at_layer,
    map_model,
    read_output,
)
from tutorial_lib.architecture import blocks, stream
from tutorial_lib.architecture.hf import unwrapped
from tutorial_lib.architecture.stream import stream_of
from tutorial_lib.arguments import check_layer
from tutorial_lib.tiny_random.shrink import tiny_model


@pytest.fixture
def searches(monkeypatch):
    """The models that were searched."""
    searched, search = [], stream.search
    monkeypatch.setattr(stream, "search", lambda model: searched.append(model) or search(model))
    return searched


@pytest.mark.parametrize("name", FAMILIES)
def test_every_part_of_every_family_is_found(name):
    family, model = FAMILIES[name], build(name)
    found = map_model(model)
    assert found.blocks_path == family.blocks
    assert found.blocks is model.get_submodule(family.blocks)
    assert found.final_norm_path == family.final_norm
    assert found.final_norm is (model.get_submodule(family.final_norm) if family.final_norm else None)
    assert found.embedding is model.get_input_embeddings()
    assert found.unembedding is model.get_output_embeddings()
    assert (found.kind, found.n_layers, found.d_model) == (family.kind, LAYERS, D_MODEL)
    for layer in range(LAYERS):
        assert found.attention(layer) is getattr(found.blocks[layer], family.attention)
        assert found.mlp(layer) is getattr(found.blocks[layer], family.mlp)


@pytest.mark.parametrize(
    ("name", "child"), [("mpt", "ffn"), ("granitemoe", "block_sparse_moe"), ("lfm2", "feed_forward")]
)
def test_an_mlp_is_found_under_each_of_its_other_names(name, child):
    found = map_model(tiny_model(name))
    assert found.mlp(1) is getattr(found.blocks[1], child)


def test_the_kind_is_that_of_the_later_blocks_and_of_a_single_one_where_there_is_no_other():
    modernbert = tiny_model("modernbert-decoder")
    assert isinstance(find_blocks(modernbert)[0].attn_norm, nn.Identity)  # the first block has a norm less
    assert map_model(modernbert).kind == "pre-norm"
    assert map_model(build("llama", num_hidden_layers=1)).kind == "pre-norm"


@pytest.mark.parametrize("name", [name for name in FAMILIES if not name.startswith("bloom")])
def test_the_kind_says_how_a_block_adds_to_the_stream(name):
    """A pre-norm block is x + attention + mlp, and in a parallel one the MLP does not see the attention."""
    model = build(name)
    parts, ids = map_model(model), token_ids()
    seen = {}

    def keep(module, args, output, key):
        # clone: Falcon adds the attention to the MLP's output in place.
        seen[key] = read_output(output).reshape(*ids.shape, -1).clone()

    def record(module, args, output):
        keep(module, args, output, "attention" if module is parts.attention(1) else "mlp")

    def shifted(module, args, output):
        return (output[0] + 1, *output[1:])

    with torch.no_grad():
        with add_hooks([], [(parts.attention(1), record), (parts.mlp(1), record)]):
            cache, _ = cache_residual_streams(model, ids)
        mlp = seen["mlp"]
        added = cache["layer_1"] + seen["attention"] + mlp
        with add_hooks([], [(parts.attention(1), shifted), (parts.mlp(1), record)]):
            model(ids)
    adds_as_it_is = torch.allclose(added, cache["layer_2"], atol=1e-5)
    mlp_sees_attention = not torch.equal(mlp, seen["mlp"])
    assert adds_as_it_is == (parts.kind in ("pre-norm", "parallel"))
    assert mlp_sees_attention == (parts.kind != "parallel")


def test_a_vision_language_model_gives_the_blocks_of_its_language_model():
    model = build_gemma3_vision()
    with pytest.raises(AttributeError):
        model.config.hidden_size  # noqa: B018
    found = map_model(model)
    assert found.blocks is model.model.language_model.layers
    assert found.d_model == D_MODEL
    assert found.embedding_path == "model.language_model.embed_tokens"
    assert found.kind == "sandwich"


def test_a_base_model_has_no_unembedding(llama):
    found = map_model(llama.model)
    assert found.blocks is llama.model.layers
    assert found.unembedding is None
    assert found.unembedding_path is None


def test_blocks_are_found_inside_a_wrapper(llama):
    found = map_model(nn.DataParallel(llama))
    assert found.blocks_path == "module.model.layers"
    assert found.d_model == D_MODEL


def test_a_wrapper_that_changes_only_how_a_model_runs_is_taken_off(llama):
    distributed = type("DistributedDataParallel", (nn.Sequential,), {})  # a real one needs a process group
    compiled, parallel = torch.compile(llama), nn.DataParallel(llama)
    for wrapped in (llama, compiled, parallel, nn.DataParallel(compiled), distributed(parallel)):
        assert unwrapped(wrapped) is llama


def test_blocks_are_found_after_layers_were_taken_out(llama):
    llama.model.layers = nn.ModuleList([llama.model.layers[0], llama.model.layers[2]])
    assert map_model(llama).n_layers == 2


def test_the_decoder_is_taken_in_an_encoder_decoder_model():
    config = transformers.T5Config(
        d_model=16, d_kv=4, d_ff=16, num_layers=2, num_decoder_layers=4, num_heads=2, vocab_size=VOCAB
    )
    found = map_model(transformers.T5ForConditionalGeneration(config))
    assert found.blocks_path == "decoder.block"
    assert found.n_layers == 4
    with pytest.raises(ValueError, match=r"block 1 \(T5Block\) has no part named like .*it has \['layer'\]"):
        found.attention(1)


def test_a_norm_of_the_embedding_is_not_the_final_norm():
    config = transformers.BartConfig(
        d_model=16, encoder_layers=1, decoder_layers=2, decoder_attention_heads=2, encoder_attention_heads=2
    )
    found = map_model(transformers.BartForConditionalGeneration(config))
    assert found.final_norm is None
    assert found.kind == "post-norm"
    assert found.blocks_path == "model.decoder.layers"


def test_the_blocks_of_the_decoder_are_taken_before_larger_ones_elsewhere():
    class Host(nn.Module):
        def __init__(self):
            super().__init__()
            self.config = transformers.LlamaConfig(num_hidden_layers=2)
            self.planner = nn.ModuleList([nn.Sequential(nn.Linear(40, 40))] * 2)
            self.writer = nn.ModuleDict({"layers": nn.ModuleList([nn.Sequential(nn.Linear(4, 4))] * 2)})

        def get_input_embeddings(self):
            return None

        def get_decoder(self):
            return self.writer

    host = Host()
    assert find_blocks(host) is host.writer["layers"]
    with pytest.raises(ValueError, match=r"Host has no token embedding"):
        map_model(host)


def test_bert_as_a_language_model_has_blocks_and_as_an_encoder_has_not():
    config = transformers.BertConfig(**WIDTHS, is_decoder=True)
    assert map_model(transformers.BertLMHeadModel(config)).kind == "post-norm"
    config.is_decoder = False
    for encoder in (transformers.BertModel, transformers.BertForMaskedLM):
        with pytest.raises(
            ValueError, match=f"{encoder.__name__} has no decoder blocks: looked for an nn.ModuleList"
        ):
            find_blocks(encoder(config))


def test_an_encoder_without_the_word_in_its_paths_is_known_by_its_attention():
    config = transformers.DistilBertConfig(dim=16, hidden_dim=16, n_layers=2, n_heads=2, vocab_size=VOCAB)
    with pytest.raises(
        ValueError, match=r"whose attention is causal; its module lists are \['transformer.layer'\]"
    ):
        map_model(transformers.DistilBertModel(config))


@pytest.mark.parametrize(
    "module", [nn.Linear(2, 2), nn.ModuleList([nn.Linear(2, 2)]), nn.Transformer(8, 2, 1, 1, 8)]
)
def test_a_module_without_blocks_is_told_what_was_looked_for(module):
    if isinstance(module, nn.Transformer):
        module = module.encoder
    with pytest.raises(ValueError, match=r"looked for an nn.ModuleList of modules that have parts") as caught:
        find_blocks(
            nn.Sequential(module) if isinstance(module, nn.ModuleList) else nn.ModuleDict({"encoder": module})
        )
    assert "vision" in str(caught.value)


def test_blocks_of_a_plain_module_are_found_but_it_cannot_be_mapped():
    class Toy(nn.Module):
        def __init__(self):
            super().__init__()
            self.heads = nn.ModuleList([nn.Linear(4, 4)] * 3)
            self.blocks = nn.ModuleList([nn.Sequential(nn.Linear(4, 4)), nn.Identity()])

    toy = Toy()
    assert find_blocks(toy) is toy.blocks
    assert stream_of(toy).width is None
    with pytest.raises(ValueError, match=r"Toy is not a transformers model"):
        map_model(toy)


def test_a_map_prints_where_everything_is(llama):
    assert str(map_model(llama)).splitlines() == [
        "LlamaForCausalLM: 3 layers, d_model 32, pre-norm",
        "  embedding     model.embed_tokens         Embedding",
        "  blocks        model.layers               3 x LlamaDecoderLayer",
        "  attention(i)  model.layers[i].self_attn  LlamaAttention",
        "  mlp(i)        model.layers[i].mlp        LlamaMLP",
        "  final_norm    model.norm                 LlamaRMSNorm",
        "  unembedding   lm_head                    Linear",
    ]
    assert "final_norm    none" in repr(map_model(build("opt_post_norm")))


def test_the_search_is_done_once_for_a_model(llama, ids, searches):
    for _ in range(3):
        find_blocks(llama)
        map_model(llama)
        cache_residual_streams(llama, ids)
    assert searches == [llama]


def test_replaced_blocks_are_searched_for_again(llama, searches):
    find_blocks(llama)
    llama.model.layers = nn.ModuleList(list(llama.model.layers)[:1])
    assert find_blocks(llama) is llama.model.layers
    llama.model = nn.ModuleDict({"moved": llama.model})
    assert find_blocks(llama) is llama.model["moved"].layers
    assert len(searches) == 3


def test_blocks_added_in_place_are_seen(llama):
    find_blocks(llama)
    llama.model.layers.append(copy.deepcopy(llama.model.layers[0]))
    assert map_model(llama).n_layers == LAYERS + 1


def test_a_deep_copy_gets_its_own_blocks():
    model = build("llama")
    find_blocks(model)
    twin = copy.deepcopy(model)
    assert find_blocks(twin) is twin.model.layers
    assert find_blocks(model) is model.model.layers
    assert twin.model.layers is not model.model.layers


def test_a_dead_model_is_not_kept_alive():
    model = build("llama")
    model.model.layers[0].owner = [model]  # also where the blocks refer back to the model
    map_model(model)
    gc.collect()
    alive, before = weakref.ref(model), len(stream._found)
    del model
    gc.collect()
    assert alive() is None
    assert len(stream._found) == before - 1


@pytest.mark.parametrize("layer", [-1, 3, 100])
def test_a_layer_outside_the_model_is_named_with_the_range(llama, layer):
    with pytest.raises(
        ValueError, match=f"layer {layer} is out of range: the model has 3 blocks, use 0 to 2"
    ):
        map_model(llama).attention(layer)
    with pytest.raises(ValueError, match=f"layer {layer} "):
        map_model(llama).mlp(layer)


@pytest.mark.parametrize("layer", [True, 1.0, "1", None, [1]])
def test_a_layer_of_a_wrong_type_is_named(layer):
    with pytest.raises(TypeError, match=r"a layer must be a whole number from 0 to 2, got"):
        check_layer(layer, 3)


def test_other_whole_numbers_are_layers():
    assert check_layer(torch.tensor(2), 3) == 2
    assert check_layer(3, 3, after_last_block=True) == 3


def xlm_like(config, model):
    torch.manual_seed(0)
    sizes = {"emb_dim": D_MODEL, "n_layers": LAYERS, "n_heads": 4, "vocab_size": VOCAB}
    return getattr(transformers, model)(getattr(transformers, config)(**sizes)).eval()


@pytest.mark.parametrize(
    ("config", "model"), [("XLMConfig", "XLMWithLMHeadModel"), ("FlaubertConfig", "FlaubertWithLMHeadModel")]
)
def test_where_layers_are_spread_over_lists_the_list_that_gets_the_stream_is_taken(config, model):
    model, ids = xlm_like(config, model), token_ids()
    assert find_blocks(model) is model.transformer.attentions
    found = map_model(model)
    assert (found.kind, found.d_model) == ("post-norm", D_MODEL)
    cache, output = cache_residual_streams(model, ids, output_hidden_states=True)
    for layer in range(LAYERS):
        assert torch.equal(cache[f"layer_{layer}"], output.hidden_states[layer])
    with pytest.raises(
        UnaddressableStreamError, match=r"spread over .* and lists beside it, such as layer_norm1"
    ):
        cache_residual_streams(model, ids, after_last_block=True)
    with pytest.raises(UnaddressableStreamError, match="spread over"):
        get_residual_stream_at_layer(model, LAYERS, ids)


def test_positions_in_a_stream_with_the_batch_second_raise():
    config = transformers.XLNetConfig(d_model=D_MODEL, n_layer=2, n_head=4, d_inner=48, vocab_size=VOCAB)
    model = transformers.XLNetLMHeadModel(config).eval()
    with pytest.raises(UnaddressableStreamError, match=r"\[seq, batch, d_model\], the batch second"):
        cache_residual_streams(model, token_ids(), positions=-1)


class Stacks(nn.Module):
    """Two stacks of blocks of the same size, as in HRM, or a decoder after a larger stack, as in BLT."""

    def __init__(self, **widths):
        super().__init__()
        self.config = transformers.LlamaConfig(num_hidden_layers=9)
        for name, width in widths.items():
            blocks = nn.ModuleList([nn.Sequential(nn.Linear(width, width)) for _ in range(2)])
            self.add_module(name, nn.ModuleDict({"layers": blocks}))

    def get_input_embeddings(self):
        return None


def test_of_two_stacks_alike_the_later_is_taken():
    assert stream_of(Stacks(low=4, high=4)).path == "high.layers"
    assert stream_of(Stacks(high=4, low=4)).path == "low.layers"
    assert stream_of(Stacks(low=5, high=4)).path == "low.layers"  # the larger one, where they differ


@pytest.mark.parametrize(
    "part",
    "vision visual image audio speech encoder extractor expert adapter mtp depth_decoder".split(),
)
def test_the_blocks_of_a_part_that_is_not_the_language_model_are_not_taken(part):
    assert stream_of(Stacks(**{"backbone": 4, f"my_{part}s": 40})).path == "backbone.layers"


def test_a_stack_deep_inside_a_model_is_not_taken_before_one_further_out():
    model = Stacks(low=4)
    model.high = nn.ModuleDict({"inside": Stacks(part=40)})
    assert stream_of(model).path == "low.layers"


def test_a_model_in_which_some_attention_is_causal_has_blocks_and_one_in_which_none_is_has_not():
    model = Stacks(low=4)
    first, second = (block[0] for block in model.low["layers"])
    first.is_causal, second.is_causal = True, False
    assert stream_of(model).path == "low.layers"
    first.is_causal = False
    with pytest.raises(ValueError, match="whose attention is causal"):
        find_blocks(copy.deepcopy(model))


def test_of_two_stacks_the_one_with_the_number_of_blocks_of_the_config_is_taken():
    model = Stacks(low=4, high=40)
    assert stream_of(model).path == "high.layers"
    model.config.num_hidden_layers = 3
    model.low["layers"].append(nn.Sequential(nn.Linear(4, 4)))
    assert stream_of(copy.deepcopy(model)).path == "low.layers"


def test_a_list_inside_a_block_is_not_taken_for_the_blocks_however_many_elements_it_has():
    model = Stacks(low=4)
    model.config.num_hidden_layers = 3  # of which there are two
    for block in model.low["layers"]:
        block.steps = nn.ModuleList([nn.Sequential(nn.Linear(40, 40)) for _ in range(3)])
    assert stream_of(model).path == "low.layers"


@pytest.mark.parametrize("other", ["d_model", "n_embd", "emb_dim"])
def test_a_width_is_read_from_the_field_that_most_configs_have(llama, other):
    setattr(llama.config, other, 8)
    assert stream_of(llama).width == D_MODEL


def test_a_stack_that_is_called_a_decoder_is_taken_before_a_larger_one():
    assert stream_of(Stacks(global_part=40, local_decoder=4)).path == "local_decoder.layers"
    assert stream_of(Stacks(backbone=4, depth_decoder=40)).path == "backbone.layers"


def test_a_width_that_no_config_says_is_read_from_the_weights(llama):
    vars(llama.config)["hidden_size"] = None
    assert stream_of(llama).width is None
    assert map_model(llama).d_model == D_MODEL


def test_a_narrow_norm_beside_the_blocks_is_not_the_final_norm(llama):
    llama.model.per_layer_norm = nn.LayerNorm(8)
    assert map_model(llama).final_norm is llama.model.norm


def test_an_attention_with_norms_in_its_name_is_no_norm():
    class NormAttentionNorm(nn.Module):
        pass

    assert not blocks.is_norm(NormAttentionNorm())
    assert blocks.is_norm(nn.LayerNorm(2))


def test_a_list_of_norms_beside_the_blocks_spreads_a_layer_and_one_of_blocks_named_so_does_not():
    class PreNormLayer(nn.Module):
        def __init__(self):
            super().__init__()
            self.dense = nn.Linear(2, 2)

    model = Stacks(low=4)
    model.low["others"] = nn.ModuleList([PreNormLayer()])
    spread = copy.deepcopy(model)
    spread.low["norms"] = nn.ModuleList([nn.LayerNorm(4)])
    stream_of(model).check_addressable()
    with pytest.raises(UnaddressableStreamError, match="lists beside it, such as norms"):
        stream_of(spread).check_addressable()


def test_a_model_that_is_none_is_named(llama):
    with pytest.raises(TypeError, match=r"model must be an nn.Module, got Tensor; the model comes first"):
        find_blocks(torch.ones(3))


def test_a_vector_in_the_place_of_a_layer_is_named():
    with pytest.raises(TypeError, match=r"a whole number from 0 to 3, got a Tensor of shape \(8,\)"):
        check_layer(torch.ones(8), 4)
    assert check_layer(torch.tensor(2), 4) == 2
