"""A page that is too large is named with its size, and an exception lasts as long as it is needed."""

import pytest

from tools.site import page_sizes


@pytest.fixture
def site(tmp_path):
    """A site with a page of 150,000 bytes."""
    for name in ("index.html", "one/index.html"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x" * 10)
    (tmp_path / "one/index.html").write_text("x" * 150_000)
    return tmp_path


def test_a_page_at_the_limit_passes_and_the_largest_are_named(site, capsys):
    assert page_sizes.main([str(site)]) == 0
    assert capsys.readouterr().out == ("2 pages, the largest: one/index.html 150,000, index.html 10 bytes\n")


def test_a_page_over_the_limit_is_named_with_its_size(site, capsys):
    (site / "one/index.html").write_text("x" * 150_001)
    assert page_sizes.main([str(site)]) == 1
    assert "one/index.html has 150,001 bytes, more than 150,000" in capsys.readouterr().out


def test_images_written_into_a_page_do_not_count(site):
    image = f'<img src="data:image/png;base64,{"A" * 200_000}" alt="">'
    (site / "index.html").write_text(image)
    assert page_sizes.main([str(site)]) == 0
    assert page_sizes.sizes(site)["index.html"] == len('<img src="" alt="">')


def test_an_exception_lets_its_page_pass_and_no_other(site):
    found = {"lab/index.html": 200_000, "two/index.html": 200_000}
    (line,) = page_sizes.problems(found, {"lab/index.html": "a reason"})
    assert line.startswith("two/index.html has 200,000 bytes")


@pytest.mark.parametrize("found", [{}, {"lab/index.html": 100}])
def test_an_exception_that_is_none_any_more_is_named(found):
    (line,) = page_sizes.problems(found, {"lab/index.html": "a reason"})
    assert line.startswith("lab/index.html is no page over 150,000 bytes")


def test_an_empty_folder_is_no_site(tmp_path):
    assert page_sizes.main([str(tmp_path)]) == 1
