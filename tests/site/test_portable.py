"""What two programs make of the same site is compared, and what a reader would miss is named."""

import gzip

import pytest

from tools.site import portable

PAGE = """\
<html><head><meta name="generator" content="one"><title>Home</title></head>
<body><nav><a class="md-nav__link" href="far/"><span>Far</span></a></nav><article><h1 id="top">Top</h1>
<p>Some words, <a href="two/">a link</a>.</p><img src="a.png" alt="A drawing">
<div id="__theme"></div><script>let x = 1</script></article></body></html>
"""


@pytest.fixture
def sites(tmp_path):
    """The same small site twice."""
    for site in (tmp_path / "one", tmp_path / "other"):
        (site / "two").mkdir(parents=True)
        (site / "labs/lab").mkdir(parents=True)
        (site / "index.html").write_text(PAGE)
        (site / "two/index.html").write_text(PAGE.replace('"two/"', '"../labs/lab/"'))
        (site / "labs/lab/index.html").write_text(PAGE)
        (site / "a.png").write_bytes(b"1")
        (site / "sitemap.xml.gz").write_bytes(gzip.compress(b"x", mtime=len(site.name)))
    return tmp_path / "one", tmp_path / "other"


def test_the_name_of_the_program_and_the_time_of_packing_make_no_difference(sites):
    one, other = sites
    (other / "index.html").write_text(PAGE.replace('content="one"', 'content="other"'))
    assert list(portable.unlike(one, other)) == []


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("index.html", PAGE + " ", "index.html differs"),
        ("a.png", "2", "a.png differs"),
        ("three/index.html", "", "three/index.html is new"),
    ],
)
def test_another_byte_or_another_file_is_named(sites, name, text, line):
    one, other = sites
    (other / name).parent.mkdir(exist_ok=True)
    (other / name).write_text(text)
    assert list(portable.unlike(one, other)) == [line]
    (other / name).unlink()
    (one / name).unlink(missing_ok=True)
    assert list(portable.unlike(one, other)) == []


def test_a_missing_file_is_named(sites):
    one, other = sites
    (other / "a.png").unlink()
    assert list(portable.unlike(one, other)) == ["a.png is missing"]


def test_another_theme_around_the_same_words_makes_no_difference(sites):
    one, other = sites
    page = PAGE.replace("<nav>", '<nav class="x"><p id="more">More</p>').replace(
        'id="__theme"', 'id="__other"'
    )
    page = page.replace('href="two/"', 'href="./two/"').replace("Some words", "<b>Some</b>\n  words")
    (other / "index.html").write_text(page.replace("<title>Home", "<title>Home - Home"))
    assert list(portable.read_otherwise(one, other)) == []


@pytest.mark.parametrize(
    ("old", "new", "lines"),
    [
        ("<title>Home", "<title>House", ["index.html: the title is 'House', not 'Home'"]),
        (
            "Some words",
            "No words",
            ["index.html: the text is 'Top No words, a link.', not 'Top Some words, a link.'"],
        ),
        (
            "<p>",
            "<p>More. ",
            ["index.html: the text is 'Top More. Some words, a link.', not 'Top Some words, a link.'"],
        ),
        (
            "Far",
            "none",
            [
                "index.html: no name in the navigation 'Far'",
                "index.html: name in the navigation 'none' is new",
            ],
        ),
        (' id="top"', "", ["index.html: no anchor 'top'"]),
        (' id="top"', ' id="t"', ["index.html: no anchor 'top'", "index.html: anchor 't' is new"]),
        ("two/", "three/", ["index.html: no link '/two/'", "index.html: link '/three/' is new"]),
        ("a.png", "b.png", ["index.html: no picture '/a.png'", "index.html: picture '/b.png' is new"]),
        (
            "A drawing",
            "",
            [
                "index.html: no text in place of a picture 'A drawing'",
                "index.html: text in place of a picture '' is new",
            ],
        ),
    ],
)
def test_what_a_reader_would_miss_is_named(sites, old, new, lines):
    one, other = sites
    (other / "index.html").write_text(PAGE.replace(old, new))
    assert list(portable.read_otherwise(one, other)) == lines


def test_a_lab_may_be_missing_and_no_other_page(sites):
    one, other = sites
    (other / "labs/lab/index.html").unlink()
    (other / "two/index.html").write_text(PAGE.replace('"two/"', '"../labs/lab.ipynb"'))
    assert list(portable.read_otherwise(one, other)) == []
    (other / "two/index.html").unlink()
    assert list(portable.read_otherwise(one, other)) == ["two/index.html is missing"]


def test_the_report_counts_and_shows_the_first_differences(sites):
    built = {"zensical": portable.Built("0.1", 2.04, sites[0])}
    text = portable.report(built, {"zensical": [f"{n} differs" for n in range(22)]})
    assert "| zensical | 0.1 | 2.0 | 3 | 22 |" in text
    assert text.endswith("- 19 differs\n- and 2 more\n")


def test_a_program_that_fails_is_an_error_with_what_it_said(tmp_path):
    with pytest.raises(portable.BuildError, match=r"failed:\n.*No such file"):
        portable._run(["ls", "no-such-file"], tmp_path)


def test_a_program_is_found_by_its_path_from_here(tmp_path, monkeypatch):
    (tmp_path / "docs").mkdir()
    (tmp_path / "mkdocs.yml").write_text("")
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\necho program, version 1 from there\n")
    program.chmod(0o755)
    monkeypatch.setattr(portable, "ROOT", tmp_path)
    monkeypatch.chdir(tmp_path)
    assert portable.build("./program", tmp_path / "built").version == "program, version 1"
