"""What one does in TransformerLens and nnsight, and what does it here."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Verb:
    """A row of a table; a test finds `object` in the peers' environment, and our names in the library."""

    theirs: str
    ours: str
    object: str

    @property
    def library(self) -> str:
        return self.object.split(".")[0]


BRIDGE = "transformer_lens.model_bridge.TransformerBridge"
CACHE = "transformer_lens.ActivationCache"
ENVOY = "nnsight.intervention.envoy.Envoy"
TRACER = "nnsight.intervention.tracer.InterleavingTracer"
ONE_HOOK = "`with add_hooks([(module, hook)]): model(ids)`"
VERBS = (
    Verb(
        "`run_with_cache(ids)`",
        "`cache_residual_streams(model, ids)`; for other places a hook that keeps a copy",
        f"{BRIDGE}.run_with_cache",
    ),
    Verb(
        "`names_filter=`",
        "`layers=`; or hook the modules that you want",
        f"{BRIDGE}.run_with_cache",
    ),
    Verb("`pos_slice=`", "`positions=`", f"{BRIDGE}.run_with_cache"),
    Verb(
        "`stop_at_layer=`",
        "`get_residual_stream_at_layer` stops by itself",
        f"{BRIDGE}.run_with_hooks",
    ),
    Verb(
        "`run_with_hooks(ids, fwd_hooks=[(name, hook)])`",
        ONE_HOOK,
        f"{BRIDGE}.run_with_hooks",
    ),
    Verb(
        "`def hook(tensor, hook)`",
        "`def hook(module, args)` before the module, `def hook(module, args, output)` after it; with "
        "`with_kwargs=True` there is `kwargs` after `args`",
        f"{BRIDGE}.add_hook",
    ),
    Verb("`with bridge.hooks(...)`", "`with add_hooks(...)`", f"{BRIDGE}.hooks"),
    Verb(
        "`reset_hooks()`",
        "not needed: `add_hooks` takes its hooks off; `leftover_hooks(model)` lists those of others",
        f"{BRIDGE}.reset_hooks",
    ),
    Verb(
        "`bwd_hooks=`, `incl_bwd=True`",
        "`torch.autograd.grad`, with `detach=False`",
        f"{BRIDGE}.run_with_cache",
    ),
    Verb(
        "`to_tokens(text)`",
        '`tokenizer(text, return_tensors="pt").input_ids`',
        f"{BRIDGE}.to_tokens",
    ),
    Verb(
        "`to_str_tokens(text)`",
        "`tokenizer.convert_ids_to_tokens(ids)`",
        f"{BRIDGE}.to_str_tokens",
    ),
    Verb("`generate(ids)`", "`model.generate(ids)`", f"{BRIDGE}.generate"),
    Verb(
        "`cache.accumulated_resid()`",
        "`torch.stack` of what `cache_residual_streams` gives",
        f"{CACHE}.accumulated_resid",
    ),
    Verb(
        "`cache.logit_lens()`",
        "`logit_lens(model, ids)`",
        f"{CACHE}.logit_lens",
    ),
    Verb(
        "`cache.logit_attrs(...)`",
        "`direct_logit_attribution(model, ids, answers, others)`",
        f"{CACHE}.logit_attrs",
    ),
    Verb(
        "`patching.get_act_patch_resid_pre(...)`",
        "`activation_patching(model, clean_ids, corrupt_ids, metric)`",
        "transformer_lens.patching.get_act_patch_resid_pre",
    ),
    Verb("`bridge.cfg`", "`model.config`, `map_model(model)`", BRIDGE),
    Verb("`with lm.trace(ids):`", ONE_HOOK, f"{ENVOY}.trace"),
    Verb(
        "`module.input`",
        "in a pre-hook `read_input(args, kwargs)`",
        f"{ENVOY}.input",
    ),
    Verb(
        "`module.output`",
        "in a forward hook `read_output(output)`",
        f"{ENVOY}.output",
    ),
    Verb(
        "`module.inputs`",
        "`args` and `kwargs` of a hook, with `with_kwargs=True`",
        f"{ENVOY}.inputs",
    ),
    Verb(
        "`x.save()`, `nnsight.save(x)`",
        "`kept.append(x.clone())` in the hook",
        "nnsight.save",
    ),
    Verb(
        "`module.input = x`",
        "the pre-hook returns `replace_input(args, kwargs, x)`",
        f"{ENVOY}.input",
    ),
    Verb(
        "`module.output = x`",
        "the forward hook returns `replace_output(output, x)`",
        f"{ENVOY}.output",
    ),
    Verb(
        "`tracer.stop()`",
        "`get_residual_stream_at_layer` stops by itself",
        f"{TRACER}.stop",
    ),
    Verb(
        "`lm.generate(...)`, `tracer.iter[...]`",
        "`model.generate` in `add_hooks`: a hook runs at each call; `select_prompt`, `select_generated` and "
        "`select_at` name tokens",
        f"{TRACER}.iter",
    ),
    Verb("`tracer.result`", "what `model.generate` returns", f"{TRACER}.result"),
    Verb(
        "`tracer.invoke(...)`",
        "a batch; `select_rows` for edits of some rows",
        f"{TRACER}.invoke",
    ),
    Verb(
        "`tracer.cache()`",
        "`cache_residual_streams(model, ids)`",
        f"{TRACER}.cache",
    ),
    Verb(
        "`with loss.backward():`, `x.grad`",
        "`torch.autograd.grad`",
        "nnsight.intervention.backward",
    ),
    Verb(
        "`module.skip(x)`",
        "none: a hook can replace an output, but the module has run",
        f"{ENVOY}.skip",
    ),
    Verb(
        "`module.source`",
        "none: a hook sees modules, not what is inside a function",
        f"{ENVOY}.source",
    ),
    Verb(
        "`lm.scan(ids)`",
        "none for shapes; `map_model(model)` for where the parts are",
        "nnsight.TransformersModel.scan",
    ),
    Verb(
        "`lm.edit()`",
        "keep the `with add_hooks(...)` open; for good, `orthogonalize_weights(model, direction)`",
        f"{ENVOY}.edit",
    ),
    Verb("`lm.session()`, `remote=True`", "none", f"{ENVOY}.session"),
)
