"""Train the model in the box: `python -m tools.tiny_model.train --out runs/seed0`.

Two phases. First the model sees nothing but lists of random words written twice and learns to copy, which
grows induction heads (Olsson et al., arXiv 2209.11895); without this phase they did not form in the time the
second one takes, and who-gave-what-to-whom was not learned either. Then it learns the skills of `corpus.py`.

One thread, a fixed seed: the same machine writes the same weights. About twenty minutes on one core. A
checkpoint is written as it goes; the same command goes on where an interrupted run stopped.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional

from tools.tiny_model.training_batches import IGNORE, PackedRows, Recipe, TrainingBatch, copy_batch
from tutorial_lib.tiny_model.tokenizer import build_tokenizer, save_tokenizer

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast


def build_model(recipe: Recipe, tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    """A small Llama with random weights."""
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=recipe.d_model,
        num_hidden_layers=recipe.layers,
        num_attention_heads=recipe.heads,
        num_key_value_heads=recipe.heads,
        intermediate_size=recipe.d_mlp,
        max_position_embeddings=256,
        tie_word_embeddings=True,
        initializer_range=recipe.init_std,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    torch.manual_seed(recipe.seed)
    return LlamaForCausalLM(config)


def loss_of(model: LlamaForCausalLM, batch: TrainingBatch) -> Tensor:
    """Mean cross-entropy in nats over the targets that count."""
    logits = model(batch.input_ids, use_cache=False, **batch.arguments).logits
    return functional.cross_entropy(
        logits[:, :-1].flatten(0, 1).float(), batch.targets[:, 1:].flatten(), ignore_index=IGNORE
    )


def optimizers(model: LlamaForCausalLM, recipe: Recipe) -> list[torch.optim.Optimizer]:
    """Muon for the matrices inside the blocks, AdamW for embedding and norms."""
    if not hasattr(torch.optim, "Muon"):
        raise RuntimeError(
            f"training needs torch >= 2.9 for torch.optim.Muon, this is torch {torch.__version__}"
        )
    parameters = list(model.named_parameters())
    inside = [p for name, p in parameters if p.ndim == 2 and "embed" not in name]
    rest = [p for name, p in parameters if not (p.ndim == 2 and "embed" not in name)]
    lr, decay = recipe.learning_rate, recipe.weight_decay
    return [
        torch.optim.Muon(inside, lr=lr, weight_decay=decay, momentum=0.95, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(
            [
                {"params": [p for p in rest if p.ndim == 2], "weight_decay": decay},
                {"params": [p for p in rest if p.ndim < 2], "weight_decay": 0.0},
            ],
            lr=lr,
            betas=(0.9, 0.98),
        ),
    ]


def schedule(step: int, steps: int, warmup: int) -> float:
    """Linear warm-up, then a cosine down to 3 %."""
    return min(1.0, (step + 1) / warmup) * (0.03 + 0.97 * 0.5 * (1 + math.cos(math.pi * step / steps)))


class Run:
    """One training run in a folder: a checkpoint while it goes, the finished model at the end."""

    def __init__(self, recipe: Recipe, out: Path) -> None:
        self.recipe, self.out = recipe, out
        self.tokenizer = build_tokenizer()
        self.model = build_model(recipe, self.tokenizer)
        self.rows = PackedRows(recipe, self.tokenizer)
        self.log: list[dict[str, Any]] = []
        self.losses: list[float] = []  # since the last entry of the log
        self.seconds = 0.0
        self.phase, self.step = "copy", 0
        self.optimizers = optimizers(self.model, recipe)
        self.checkpoint = out / "checkpoint.pt"
        if self.checkpoint.exists():
            self.resume()

    def phases(self) -> Iterator[tuple[str, int]]:
        yield "copy", self.recipe.copy_steps
        yield "skills", self.recipe.skill_steps

    def train(self, checkpoint_every: int = 100) -> None:
        from tqdm.auto import tqdm

        self.model.train()
        for phase, steps in self.phases():
            if phase != self.phase:
                if phase == "copy":
                    continue  # done before the interruption
                self.phase, self.step = phase, 0
                self.optimizers = optimizers(self.model, self.recipe)
            with tqdm(total=steps, initial=self.step, desc=phase, mininterval=2) as bar:
                while self.step < steps:
                    started = time.perf_counter()
                    self.losses.append(self.one_step(steps))
                    self.seconds += time.perf_counter() - started
                    bar.update()
                    if self.step % checkpoint_every == 0 or self.step == steps:
                        mean = sum(self.losses) / len(self.losses)
                        self.losses.clear()
                        self.log.append({"phase": phase, "step": self.step, "mean loss": round(mean, 4)})
                        bar.set_postfix(loss=f"{mean:.3f}")
                        self.save_checkpoint()

    def one_step(self, steps: int) -> float:
        factor = schedule(self.step, steps, self.recipe.warmup)
        batch = copy_batch(self.recipe, len(self.tokenizer)) if self.phase == "copy" else self.rows.batch()
        loss = loss_of(self.model, batch)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = self.recipe.learning_rate * factor
            optimizer.step()
            optimizer.zero_grad()
        self.step += 1
        return loss.item()

    def save_checkpoint(self) -> None:
        state = {
            "recipe": asdict(self.recipe),
            "phase": self.phase,
            "step": self.step,
            "model": self.model.state_dict(),
            "optimizers": [o.state_dict() for o in self.optimizers],
            "torch_rng": torch.get_rng_state(),
            "corpus_rng": self.rows.rng.getstate(),
            "log": self.log,
            "seconds": self.seconds,
        }
        half = self.checkpoint.with_suffix(".part")
        torch.save(state, half)
        half.replace(self.checkpoint)  # an interruption leaves the old or the new one, never half of one

    def resume(self) -> None:
        state = torch.load(self.checkpoint, weights_only=False)
        if state["recipe"] != asdict(self.recipe):
            raise SystemExit(
                f"{self.checkpoint} was made with another recipe: {state['recipe']}, "
                f"now {asdict(self.recipe)}. "
                "Give another --out, or the same options."
            )
        self.model.load_state_dict(state["model"])
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        torch.set_rng_state(state["torch_rng"])
        self.rows.rng.setstate(state["corpus_rng"])
        self.phase, self.step, self.log, self.seconds = (
            state["phase"],
            state["step"],
            state["log"],
            state["seconds"],
        )
        print(f"going on from {self.checkpoint}: phase {self.phase}, step {self.step}")

    def save_model(self) -> None:
        """Write an ordinary model folder: weights, config, tokenizer, and how it was trained."""
        self.model.eval()
        # Greedy by default, so that a page prints the same text every time.
        self.model.generation_config.update(do_sample=False, pad_token_id=self.tokenizer.pad_token_id)
        self.model.save_pretrained(self.out)
        save_tokenizer(self.tokenizer, self.out)
        parameters = sum(p.numel() for p in self.model.parameters())
        report = {
            "recipe": asdict(self.recipe),
            "parameters": parameters,
            "seconds": round(self.seconds),
            "torch": torch.__version__,
            "log": self.log,
        }
        (self.out / "training.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
        self.checkpoint.unlink(missing_ok=True)


def restart_with_calm_malloc() -> None:
    """glibc hands freed activations back to the kernel and asks again; that made training 13 times slower.

    The settings are read when a process starts, so start again with them.
    """
    settings = {
        "MALLOC_MMAP_THRESHOLD_": "8589934592",
        "MALLOC_TRIM_THRESHOLD_": "17179869184",
        "MALLOC_TOP_PAD_": "268435456",
    }
    if sys.platform == "linux" and not settings.keys() <= os.environ.keys():
        sys.stdout.flush()
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], {**os.environ, **settings})


def main(argv: list[str] | None = None) -> None:
    """The command."""
    defaults = Recipe()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for checkpoint and finished model")
    parser.add_argument("--seed", type=int, default=defaults.seed)
    parser.add_argument("--copy-steps", type=int, default=defaults.copy_steps, help="steps of phase 1")
    parser.add_argument("--skill-steps", type=int, default=defaults.skill_steps, help="steps of phase 2")
    arguments = parser.parse_args(argv)
    if (arguments.out / "model.safetensors").exists():
        raise SystemExit(
            f"{arguments.out} holds a finished model; give another --out, or move it away first."
        )
    arguments.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)  # steadier than two on a shared machine, and the sums come out the same
    run = Run(
        Recipe(seed=arguments.seed, copy_steps=arguments.copy_steps, skill_steps=arguments.skill_steps),
        arguments.out,
    )
    run.train()
    run.save_model()
    print(f"finished in {run.seconds:.0f} s of training: {arguments.out}")
    print(f"next: python -m tools.tiny_model.evaluate {arguments.out}")


if __name__ == "__main__":
    restart_with_calm_malloc()
    main()
