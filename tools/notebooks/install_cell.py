"""The first cell of code of a notebook: it installs the package where it is missing, and else does nothing.

A notebook of the repository names the clone around it, and not the address of the repository: who builds the
site knows that, and `tools/site/run_it.py` writes it into the site's copies, which need no clone.
"""

from __future__ import annotations

import json
import re
from typing import Any

from nbformat.v4 import new_code_cell, new_markdown_cell

TAG = "install"
NOT_ON_SITE = "not-on-site"  # the tag of the cells that the page of a notebook has not
MADE_FROM = (
    "*Made from [{name}]({link}): edit that page, not this notebook. The next cell installs what it needs.*"
)
# In a notebook as a file, where the quotes are escaped.
CLONE = re.compile(r'(?<=TUTORIAL_LIB = \\")[./]+(?=\\")')

INSTALL = """\
# If tutorial_lib is not installed: where from. A folder with a clone of the repository, or an address such as
# "git+https://github.com/OWNER/REPOSITORY". The site writes it here, so that Colab needs no clone.
TUTORIAL_LIB = "{clone}"

import importlib, importlib.metadata, importlib.util, pathlib, subprocess, sys

if importlib.util.find_spec("tutorial_lib") is None:
    is_address = "://" in TUTORIAL_LIB
    if not is_address and not pathlib.Path(TUTORIAL_LIB, "pyproject.toml").is_file():
        raise FileNotFoundError(f"no clone in {{TUTORIAL_LIB!r}}: set TUTORIAL_LIB to a folder or an address")
    wanted = [f"hf-hooking-tutorial{extra} @ {{TUTORIAL_LIB}}" if is_address else f"{{TUTORIAL_LIB}}{extra}"]
    if importlib.util.find_spec("torch"):  # the torch that is here stays
        wanted.append(f"torch=={{importlib.metadata.version('torch')}}")
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", *wanted], check=True)
    importlib.invalidate_caches()"""


def source(clone: str, extra: str = "") -> str:
    """The code of the cell.

    Args:
        clone: the way from the notebook's folder to the root of the repository.
        extra: of the package, in brackets.
    """
    return INSTALL.format(clone=clone, extra=extra)


def before_a_page(name: str, link: str, clone: str) -> list[Any]:
    """The cells that a notebook has and its page has not: where it comes from, and what installs the package.

    Args:
        name: of the page.
        link: to it, from the notebook.
        clone: as in `source`.
    """
    return [
        new_markdown_cell(MADE_FROM.format(name=name, link=link), metadata={"tags": [NOT_ON_SITE]}),
        new_code_cell(source(clone, "[pages]"), metadata={"tags": [TAG, NOT_ON_SITE]}),
    ]


def with_address(notebook: str, repository: str, ref: str) -> str:
    """The text of a notebook that installs from the repository and not from a clone.

    Args:
        notebook: the text of the file.
        repository: its address, as a browser shows it.
        ref: a branch, tag or commit.
    """
    address = json.dumps(f"git+{repository.rstrip('/')}@{ref}")[1:-1]
    return CLONE.sub(lambda match: address, notebook)
