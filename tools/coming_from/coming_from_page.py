"""Write the page "Coming from ...".

    python -m tools.coming_from.coming_from_page [--check] [--measure] [--docs docs]

Its code is that of `tools/coming_from/jobs`, its numbers are those of `docs/reference/coming-from.json`.
With PEERS=.venv-peers/bin in the environment, `--measure` measures them again before it writes.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from tools import ROOT
from tools.coming_from import differences
from tools.coming_from.places import PLACES, WEIGHTS
from tools.coming_from.reading import GPT2_NAMES, JOBS, LIBRARIES, PortedJob, for_family, read_job
from tools.coming_from.verbs import VERBS
from tools.reference.generated import bring_up_to_date, parser

TEMPLATE = Path(__file__).parent / "page.md"
RESULTS = "reference/coming-from.json"
WIDTH = 120
PEERS_ONLY = '<!--pytest.mark.skip(reason="run in an environment of its own by make test-peers")-->'
LLAMA_ONLY = (
    '<!--pytest.mark.skipif(os.environ.get("TUTORIAL_MODEL"), reason="for a Llama: names of its modules")-->'
)
FAMILIES = {"llama": "the Llama", "gpt2": "the GPT-2"}


def page(results: dict[str, Any]) -> str:
    """The text of the page."""
    jobs = [read_job(name) for name in JOBS]
    parts = {
        "set_up": tabs(read_job("set_up")),
        "jobs": "\n".join(section(job, results["jobs"][job.name]) for job in jobs).rstrip(),
        "places": places("llama"),
        "places_gpt2": places("gpt2"),
        "inside": inside(),
        "names": rows((f"`{ours}`", f"`{theirs}`") for ours, theirs in GPT2_NAMES.items()),
        "weights": rows((f"`{theirs}`", f"`{ours}`") for theirs, ours in WEIGHTS["llama"].items()),
        "verbs_transformer_lens": verbs("transformer_lens"),
        "verbs_nnsight": verbs("nnsight"),
        "differences": "\n".join(
            difference(each, results["differences"]) for each in differences.DIFFERENCES
        ),
        "n_jobs": str(len(jobs)),
        "hooked_transformer": results["differences"]["hooked_transformer"]["message"],
    }
    parts |= {f"version_{name}": value for name, value in results["versions"].items()}
    parts |= {f"n_with_names_{key}": str(sum(has_names(job.code[key]) for job in jobs)) for key in LIBRARIES}
    text = TEMPLATE.read_text(encoding="utf-8")
    return re.sub(r"\{\{([\w-]+)\}\}", lambda found: parts[found[1]], text)


def section(job: PortedJob, result: dict[str, Any]) -> str:
    """A job: heading, tabs and how equal the three are."""
    return f"### {job.title}\n\n{wrap(job.intro)}\n\n{tabs(job)}\n\n{wrap(verdict(result))}\n"


def tabs(job: PortedJob) -> str:
    """The code of the three libraries, each in a tab, the note under it."""
    made = []
    for key, label in LIBRARIES.items():
        code = job.code[key]
        marks = [PEERS_ONLY] if key != "plain" else [LLAMA_ONLY] if has_names(code) else []
        inside = "\n".join([*marks, "```python", code + "```", "", wrap(job.notes[key], WIDTH - 4)])
        made.append(f'=== "{label}"\n\n' + textwrap.indent(inside, "    "))
    return "\n\n".join(made)


def has_names(code: str) -> bool:
    """Whether code has names of modules that another family of models spells in another way."""
    return for_family("gpt2", code) != code


def verdict(result: dict[str, Any]) -> str:
    """How equal the results of the peers are to those of plain hooks."""
    peers = {key: label for key, label in LIBRARIES.items() if key != "plain"}
    parts = [f"{label} {within({f: result[f][key] for f in FAMILIES})}" for key, label in peers.items()]
    return f"*The same result: {'; '.join(parts)}.*"


def within(bounds: dict[str, float]) -> str:
    """A bound for each family of models, in words."""
    words = {f: f"within {power(bound)}" if bound else "bit for bit" for f, bound in bounds.items()}
    if len(set(words.values())) == 1:
        return f"{words['llama']} on both models"
    return " and ".join(f"{words[family]} on {name}" for family, name in FAMILIES.items())


def power(bound: float) -> str:
    """1e-06 as 1e-6."""
    return f"{bound:.0e}".replace("e-0", "e-")


def places(family: str) -> str:
    """The rows of the table of hook points; for the GPT-2 those that are not the Llama's with other names."""
    chosen = [place for place in PLACES if place.module and place.families[0] == family]
    return rows((f"`{each.hook}`", f"`{for_family(family, each.where)}`", each.then) for each in chosen)


def inside() -> str:
    """The values inside functions, which nnsight reaches."""
    return "\n".join(f"- `{place.hook}`: `{place.in_nnsight}`" for place in PLACES if not place.module)


def verbs(library: str) -> str:
    """The rows of the table of what one does."""
    return rows((verb.theirs, verb.ours) for verb in VERBS if verb.library == library)


def rows(cells: Iterable[tuple[str, ...]]) -> str:
    """The rows of a Markdown table."""
    return "\n".join("| " + " | ".join(row) + " |" for row in cells)


def difference(measured: Callable[..., Any], results: dict[str, Any]) -> str:
    """A bullet with what was measured in the place of what stands in braces."""
    sentence = " ".join((measured.__doc__ or "").split())
    said = sentence.format(**results[measured.__name__])
    return textwrap.fill(f"- {said}", **FILL, subsequent_indent="  ")


FILL: dict[str, Any] = {"width": WIDTH, "break_long_words": False, "break_on_hyphens": False}


def wrap(text: str, width: int = WIDTH) -> str:
    """Paragraphs as the pages have them."""
    paragraphs = [" ".join(each.split()) for each in text.split("\n\n")]
    return "\n\n".join(textwrap.fill(each, **{**FILL, "width": width}) for each in paragraphs)


def measure() -> str:
    """The results, from the peers' environment, as the file has them.

    Raises:
        RuntimeError: $PEERS is not set, or something could not be measured.
    """
    peers = os.environ.get("PEERS")
    if not peers:
        raise RuntimeError(
            "set PEERS to the bin folder of the peers' environment, which `make test-peers` makes"
        )
    done = subprocess.run(
        [str(Path(peers) / "python"), "-m", "tools.coming_from.compare"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode or '"error": "Traceback' in done.stdout:
        raise RuntimeError(f"the comparison failed:\n{done.stdout}")
    return done.stdout


def main(arguments: list[str] | None = None) -> int:
    options_parser = parser(__doc__)
    options_parser.add_argument(
        "--measure", action="store_true", help="compare the libraries again, with $PEERS"
    )
    options = options_parser.parse_args(arguments)
    docs = options.docs.resolve()
    if options.measure:
        (docs / RESULTS).write_text(measure(), encoding="utf-8", newline="\n")
    results = json.loads((docs / RESULTS).read_text(encoding="utf-8"))
    files = {docs / "reference" / "coming-from.md": page(results)}
    return bring_up_to_date(files, (), options, tool="coming_from.coming_from_page")


if __name__ == "__main__":
    sys.exit(main())
