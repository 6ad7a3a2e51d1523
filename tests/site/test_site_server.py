"""The site is served as a host of static pages does it."""

import gzip
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tools.site.site_server import serving


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """A small site below /book/, and a file beside it that is not on the site."""
    files = {
        "site/index.html": "home",
        "site/one/index.html": "one",
        "site/404.html": "gone",
        "secret.txt": "no",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    with serving(tmp_path / "site") as address:
        yield address


def ask(address: str, path: str, **headers: str) -> tuple[HTTPResponse, bytes]:
    """The answer to a request, as it came, and its body."""
    connection = HTTPConnection(urlsplit(address).netloc)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    return answer, answer.read()


@pytest.mark.parametrize(
    ("path", "status", "body"),
    [
        ("/book/", 200, b"home"),
        ("/book/one/?h=x", 200, b"one"),
        ("/book/two/", 404, b"gone"),
        ("/one/", 404, b"gone"),
        ("/book/../../secret.txt", 404, b"gone"),
        ("/book/%2e%2e/secret.txt", 404, b"gone"),
    ],
)
def test_a_file_below_the_prefix_is_found_and_nothing_else(
    address: str, path: str, status: int, body: bytes
) -> None:
    answer, got = ask(address, path)
    assert (answer.status, got) == (status, body)


def test_a_folder_without_its_slash_leads_to_it(address: str) -> None:
    answer, _ = ask(address, "/book/one")
    assert (answer.status, answer.headers["Location"]) == (301, "/book/one/")


def test_text_is_compressed_for_those_who_take_it(address: str) -> None:
    answer, got = ask(address, "/book/", **{"Accept-Encoding": "gzip, br"})
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert gzip.decompress(got) == b"home"
