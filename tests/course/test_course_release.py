"""What students get gives no answer away; of what they hand in nothing is left out silently."""

import ast
import base64
import binascii
import json
import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.small_exercises import a_workspace
from tools.exercises.sample_class import STREAM, make
from tutorial_lib.cli import app
from tutorial_lib.course import CourseError
from tutorial_lib.course.bundle import Bundle
from tutorial_lib.course.release import RELEASED, release
from tutorial_lib.course.submitting import submit
from tutorial_lib.course.variants import seal, variant
from tutorial_lib.exercises.catalog import Exercise, find_exercises, get_exercise

PACKAGE = find_exercises()


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    bundle = make(tmp_path_factory.mktemp("sample") / "class")
    # As after a check on this machine: compiled files lie beside the sources.
    folder = bundle.exercises[STREAM].folder / "__pycache__"
    folder.mkdir()
    code = compile(bundle.exercises[STREAM].solution, "solution.py", "exec")
    (folder / "solution.cpython-311.pyc").write_bytes(bytes(16) + code.co_code)
    return bundle


@pytest.fixture(scope="module")
def released(bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("release") / "out"
    release(bundle.exercises.values(), out, bundle=bundle, students=bundle.roster.values())
    return out


@pytest.fixture
def workspace(bundle: Bundle, tmp_path: Path) -> Path:
    student = bundle.roster["ada"]
    return release(bundle.exercises.values(), tmp_path / "out", bundle=bundle, students=[student])[0]


def kept_at_home(exercises: list[Exercise], hidden: list[Path]) -> set[bytes]:
    """Every line that students must not get and that is not in what they do get."""
    public = "\n".join(exercise.read(name) for exercise in exercises for name in RELEASED)
    private = [source for e in exercises for source in (e.solution, *(wrong.source for wrong in e.wrong))]
    private += [file.read_text(encoding="utf-8") for folder in hidden for file in folder.rglob("*.py")]
    lines = {line.strip() for source in private for line in source.splitlines()}
    return {line.encode() for line in lines if len(line) >= 12 and line not in public}


def layers(content: bytes) -> Iterator[bytes]:
    """A file's bytes, and what is in them if they are an archive, compressed, in base64 or in hexadecimal."""
    yield content
    for decode in (
        zlib.decompress,
        lambda data: base64.b64decode(data, validate=True),
        binascii.unhexlify,
        lambda data: bytes.fromhex(data.decode("ascii")),
    ):
        for part in {content, *re.findall(rb"[A-Za-z0-9+/=]{24,}", content)}:
            try:
                yield decode(part)
            except (ValueError, zlib.error):
                continue


def leaks(folder: Path, forbidden: set[bytes]) -> list[tuple[str, bytes]]:
    """Where in a folder a forbidden text is, whichever way it is written."""
    found = []
    for file in folder.rglob("*"):
        if not file.is_file():
            continue
        assert not zipfile.is_zipfile(file), f"{file} is an archive"
        assert file.suffix in (".py", ".md", ".toml", ".json"), f"{file} is of no kind that is given out"
        for layer in layers(file.read_bytes()):
            assert not re.search(rb"\.pyc|\xe3\x00\x00\x00", layer), f"{file} holds compiled code"
            found += [(file.name, text) for text in forbidden if text in layer]
    return found


def test_no_byte_of_a_release_gives_away_an_answer_a_hidden_check_or_the_secret(
    bundle: Bundle, released: Path
) -> None:
    hidden = [folder for name in bundle.exercises if (folder := bundle.hidden(name))]
    lines = kept_at_home(list(bundle.exercises.values()), hidden)
    assert b'@check("the model is left as it was")' in lines
    assert len(lines) > 30
    secret = {bundle.secret, bundle.secret.hex().encode(), base64.b64encode(bundle.secret)}
    assert leaks(released, lines | secret) == []


def test_the_search_for_leaks_finds_what_is_hidden_in_other_ways(tmp_path: Path) -> None:
    text = b"return stream * 2  # the solution"
    for number, content in enumerate(
        [text, base64.b64encode(text), text.hex().encode(), b'{"x": "' + base64.b64encode(text) + b'"}']
    ):
        (tmp_path / f"{number}.md").write_bytes(content)
    assert len({name for name, _ in leaks(tmp_path, {text})}) == 4


def test_no_released_code_says_the_same_as_a_solution_or_wrong_answer(bundle: Bundle, released: Path) -> None:
    exercises = bundle.exercises.values()
    private = [source for e in exercises for source in (e.solution, *(wrong.source for wrong in e.wrong))]
    bodies = {ast.dump(node) for source in private for node in functions(source)}
    for file in released.rglob("*.py"):
        assert not bodies & {ast.dump(node) for node in functions(file.read_text(encoding="utf-8"))}, file


def functions(source: str) -> list[ast.AST]:
    return [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)]


@pytest.mark.parametrize("exercise", PACKAGE.values(), ids=PACKAGE)
def test_a_release_of_the_package_gives_away_nothing(exercise: Exercise, tmp_path: Path) -> None:
    [folder] = release([exercise], tmp_path / "out")
    assert leaks(folder, kept_at_home([exercise], [])) == []


def test_a_release_has_these_files_and_no_others(bundle: Bundle, released: Path) -> None:
    wanted = {"README.md", ".hooking/course.json"}
    for name in bundle.exercises:
        wanted |= {f"{name}.py", f"{name}.md", *(f".hooking/exercises/{name}/{file}" for file in RELEASED)}
    for student in bundle.roster:
        folder = released / student
        files = {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}
        assert files == wanted


def test_a_student_gets_their_own_variants_and_seal_and_nobody_elses(bundle: Bundle, released: Path) -> None:
    secret = bundle.secret
    for student in bundle.roster:
        text = (released / student / ".hooking" / "course.json").read_text()
        facts = json.loads(text)
        assert facts["student"] == student
        assert facts["variants"] == {name: variant(secret, student, name) for name in bundle.exercises}
        assert facts["seal"] == seal(secret, student)
        for other in bundle.roster.keys() - {student}:
            assert seal(secret, other) not in text
            assert not [name for name in bundle.exercises if str(variant(secret, other, name)) in text]


def test_what_is_released_is_a_whole_set_of_exercises_without_prerequisites_that_are_not_in_it(
    bundle: Bundle, tmp_path: Path
) -> None:
    [folder] = release([bundle.exercises[STREAM]], tmp_path / "out")
    exercises = find_exercises(folder / ".hooking" / "exercises")
    assert list(exercises) == [STREAM]
    assert exercises[STREAM].prerequisites == ()


def test_a_release_never_overwrites(bundle: Bundle, released: Path) -> None:
    with pytest.raises(CourseError, match="not empty"):
        release(bundle.exercises.values(), released, bundle=bundle)


def test_variants_need_a_bundle(bundle: Bundle, tmp_path: Path) -> None:
    with pytest.raises(CourseError, match="secret of a bundle"):
        release(PACKAGE.values(), tmp_path / "out", students=bundle.roster.values())


def test_a_zip_has_every_answer_and_its_hash(workspace: Path) -> None:
    submitted = submit(workspace)
    with zipfile.ZipFile(submitted.zip) as archive:
        names = set(archive.namelist())
        manifest = json.loads(archive.read("manifest.json"))
    assert names == {"manifest.json", *manifest["files"]}
    assert set(manifest["files"]) == {f"{item.exercise.name}.py" for item in submitted.items}
    assert (manifest["course"], manifest["student"]) == ("sample", "ada")


def test_what_is_not_attempted_missing_or_refused_is_listed_with_the_reason(workspace: Path) -> None:
    double, stream = workspace / "90_own" / "double_it.py", workspace / "90_own" / "stream_into_block.py"
    double.unlink()
    stream.write_bytes(b"#" * 300_000)
    by_name = {item.exercise.name: item for item in submit(workspace).items}
    assert by_name["01_hooks/print_a_shape"].state == "not attempted"
    assert by_name["90_own/double_it"].state == "no file"
    assert by_name[STREAM].state == "left out"
    assert by_name[STREAM].reason == "has 293 kB, more than 256 kB"
    result = CliRunner().invoke(app, ["submit", str(workspace)])
    assert result.exit_code == 0
    for text in ("not attempted", "no file", "left out", "NOT in", "0 of 3 exercises are written"):
        assert text in result.output


def test_an_answer_is_read_as_its_encoding_says_and_one_that_is_another_is_no_python(workspace: Path) -> None:
    print_a_shape, double = workspace / "01_hooks" / "print_a_shape.py", workspace / "90_own" / "double_it.py"
    print_a_shape.write_bytes("# coding: latin-1\nword = 'é'\n".encode("latin-1"))
    double.write_bytes("word = 'é'\n".encode("latin-1"))
    by_name = {item.exercise.name: item.state for item in submit(workspace).items}
    assert by_name["01_hooks/print_a_shape"] == "written"
    assert by_name["90_own/double_it"] == "syntax error"


def test_only_the_exercises_that_were_chosen_are_listed(tmp_path: Path) -> None:
    a_workspace(tmp_path / "own", ["print_a_shape"])
    assert [item.exercise.name for item in submit(tmp_path / "own").items] == ["01_hooks/print_a_shape"]


def test_an_older_zip_is_never_overwritten(workspace: Path) -> None:
    zips = {submit(workspace).zip for _ in range(3)}
    assert len(zips) == 3
    assert all(file.is_file() for file in zips)


def test_a_folder_that_is_no_workspace_and_one_of_another_student_are_refused(workspace: Path) -> None:
    with pytest.raises(CourseError, match="no folder of exercises"):
        submit(workspace.parent)
    with pytest.raises(CourseError, match="'ada''s, not 'grace''s"):
        submit(workspace, student="grace")


def test_the_commands_go_from_a_new_course_to_a_zip(tmp_path: Path) -> None:
    run = CliRunner().invoke
    bundle, out = tmp_path / "bundle", tmp_path / "out"
    assert run(app, ["course", "new", str(bundle), "--exercises", "print_a_shape"]).exit_code == 0
    (bundle / "roster.csv").write_text("student_id\nada\n")
    arguments = ["--bundle", str(bundle), "--students", str(bundle / "roster.csv"), "--out", str(out)]
    assert run(app, ["release", *arguments]).exit_code == 0
    assert run(app, ["submit", str(out / "ada")]).exit_code == 0
    again = run(app, ["release", *arguments])
    assert again.exit_code == 2
    assert "is not empty" in again.stderr
    assert get_exercise("print_a_shape").name in (out / "ada" / "README.md").read_text()
