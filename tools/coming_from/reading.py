"""Read the jobs: what stands on the page is the code that is run.

A job is a file with one function for each library. On the page a function is its body without the last line,
the `return`, after those imports of the file that it uses; its docstring stands under it. The file's
docstring is the heading and what comes before the tabs.
"""

from __future__ import annotations

import ast
import copy
import hashlib
import importlib.util
import inspect
import re
import textwrap
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

LIBRARIES = {
    "plain": "Plain hooks",
    "transformer_lens": "TransformerLens",
    "nnsight": "nnsight",
}
FOLDER = Path(__file__).parent / "jobs"
WIDTH = 79
SET_UP = "set_up"
JOBS = (
    "one_layer",
    "every_layer",
    "attention_pattern",
    "per_head",
    "steer",
    "ablate",
    "patch",
    "stop_early",
    "generate",
    "lens",
    "gradients",
    "collect",
)
# The jobs are written for a Llama. In this order these names make them right for a GPT-2.
GPT2_NAMES = {
    "model.embed_tokens": "transformer.wte",
    "model.layers": "transformer.h",
    "model.norm": "transformer.ln_f",
    "input_layernorm": "ln_1",
    "post_attention_layernorm": "ln_2",
    "self_attn": "attn",
    "o_proj.weight": "c_proj.weight.T",
    "o_proj": "c_proj",
    "gate_proj": "c_fc",
    "down_proj": "c_proj",
}


@dataclass(frozen=True)
class PortedJob:
    """A job as the page shows it; `code` and `notes` by library.

    `fingerprint` is of the code alone: it says whether a comparison was of this code.
    """

    name: str
    title: str
    intro: str
    code: dict[str, str]
    notes: dict[str, str]
    fingerprint: str


def read_job(name: str, folder: Path = FOLDER) -> PortedJob:
    """Reads a job.

    Raises:
        ValueError: the file is not in the form that the page needs.
    """
    path = folder / f"{name}.py"
    source = path.read_text(encoding="utf-8")
    tree = ast.parse(source)
    title, _, intro = (ast.get_docstring(tree) or "").partition("\n")
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    if list(functions) != list(LIBRARIES):
        raise ValueError(f"{path.name} must define {', '.join(LIBRARIES)}, got {', '.join(functions)}")
    there = () if name == SET_UP else ("torch",)  # the set-up, which comes first on the page, has imported it
    code = {key: _shown(source, tree, node, path.name, there) for key, node in functions.items()}
    notes = {key: ast.get_docstring(node) or "" for key, node in functions.items()}
    return PortedJob(
        name,
        title,
        intro.strip(),
        code,
        notes,
        fingerprint("\n".join(code.values())),
    )


def fingerprint(text: str) -> str:
    """A short hash."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _shown(
    source: str,
    tree: ast.Module,
    function: ast.FunctionDef,
    name: str,
    there: tuple[str, ...],
) -> str:
    body = function.body[1:] if ast.get_docstring(function) else function.body
    last = body[-1]
    returned = last.value if isinstance(last, ast.Return) else None
    names = returned.elts if isinstance(returned, ast.Tuple) else [returned]
    if not all(isinstance(each, ast.Name) for each in names):
        raise ValueError(f"{name}: {function.name} must end in a return of names, which the page omits")
    lines = source.split("\n")[body[0].lineno - 1 : last.lineno - 1]
    text = textwrap.dedent("\n".join(lines)).strip("\n") + "\n"
    imports = "".join(_imports(tree, function, there))
    # What a function imports itself, since it is not installed everywhere, joins the other imports.
    gap = "\n" if imports and not text.startswith(("import ", "from ")) else ""
    code = imports + gap + text
    too_long = [line for line in code.split("\n") if len(line) > WIDTH]
    if too_long:
        raise ValueError(f"{name}: longer than {WIDTH} characters: {too_long[0]}")
    return code


def _imports(tree: ast.Module, function: ast.FunctionDef, there: tuple[str, ...]) -> list[str]:
    """The imports of the file that the function uses, with the names that it uses, without what is there."""
    used = {node.id for node in ast.walk(function) if isinstance(node, ast.Name)}
    found = []
    for node in tree.body:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            kept = copy.copy(node)
            kept.names = [each for each in node.names if each.name in used and each.name not in there]
            if kept.names:
                found.append(_wrapped(ast.unparse(kept)) + "\n")
    return found


def _wrapped(line: str) -> str:
    if len(line) <= WIDTH:
        return line
    front, _, names = line.partition(" import ")
    return f"{front} import (\n" + "".join(f"    {each},\n" for each in names.split(", ")) + ")"


def for_family(family: str, code: str) -> str:
    """The code of a job, which is written for a Llama, for "llama" or "gpt2"."""
    for llama, gpt2 in GPT2_NAMES.items() if family == "gpt2" else ():
        code = re.sub(rf"(?<!\w){re.escape(llama)}(?!\w)", gpt2, code)
    return code


def load_job(name: str, family: str, into: Path, folder: Path = FOLDER) -> ModuleType:
    """The functions of a job for a family of models, from a file, since nnsight reads the code of a trace."""
    return load_source(
        for_family(family, (folder / f"{name}.py").read_text("utf-8")),
        f"{name}_{family}",
        into,
    )


def load_source(source: str, name: str, into: Path) -> ModuleType:
    """Writes source to `into` and imports it."""
    path = into / f"{name}.py"
    path.write_text(source, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(function: Any, given: dict[str, Any]) -> tuple[Any, ...]:
    """What a job's function returns, as a tuple, for what its parameters ask for by name."""
    result = function(**{name: given[name] for name in inspect.signature(function).parameters})
    return result if isinstance(result, tuple) else (result,)
