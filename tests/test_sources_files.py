import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from index.errors import SourceError
from index.sources import Sources, find_files
from index.sources.files import shown


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("words")


def test_a_folder_gives_its_readable_files_sorted(tmp_path: Path) -> None:
    wanted = [tmp_path / name for name in ("B.TXT", "a.md", "deep/er/c.csv", "deep/z.htm")]
    touch(*wanted, tmp_path / "x.json", tmp_path / "y.docx", tmp_path / "md")
    touch(tmp_path / ".hidden.md", tmp_path / ".git/a.md", tmp_path / "deep/.cache/b.txt")
    assert find_files(tmp_path) == sorted(wanted)


def test_a_file_is_found_by_itself_even_hidden(tmp_path: Path) -> None:
    touch(tmp_path / ".note.md")
    assert find_files(tmp_path / ".note.md") == [tmp_path / ".note.md"]


def test_relative_paths_become_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path / "in/a.md")
    monkeypatch.chdir(tmp_path / "in")
    assert find_files(Path("../in")) == [tmp_path / "in/a.md"]


def test_links_that_leave_the_folder_are_not_followed(tmp_path: Path) -> None:
    touch(tmp_path / "out/secret.md", tmp_path / "in/a.md", tmp_path / "in/sub/b.md")
    inside = tmp_path / "in"
    (inside / "file.md").symlink_to(tmp_path / "out/secret.md")
    (inside / "folder").symlink_to(tmp_path / "out")
    (inside / "again.md").symlink_to(inside / "a.md")
    (inside / "round").symlink_to(inside)
    (inside / "broken.md").symlink_to(inside / "nowhere.md")
    assert find_files(inside) == [inside / "a.md", inside / "sub/b.md"]


def test_a_pipe_is_neither_found_nor_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.txt")
    assert find_files(tmp_path) == []
    with Sources() as sources:
        (failure,) = sources.read(tmp_path / "pipe.txt")
    assert failure.reason == "is not a regular file"


def test_what_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"^There is no file or folder at .*/nowhere\.$"):
        find_files(tmp_path / "nowhere")


def test_links_in_a_circle_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with pytest.raises(SourceError, match="can't be read: too many"):
        find_files(tmp_path / "a")


def test_links_in_a_circle_inside_the_folder_lead_nowhere(tmp_path: Path) -> None:
    touch(tmp_path / "a.md")
    (tmp_path / "b.md").symlink_to(tmp_path / "c.md")
    (tmp_path / "c.md").symlink_to(tmp_path / "b.md")
    assert find_files(tmp_path) == [tmp_path / "a.md"]


def test_a_single_file_of_another_kind_is_an_error_that_names_the_kinds(tmp_path: Path) -> None:
    touch(tmp_path / "a.docx")
    with pytest.raises(SourceError, match=r"\.txt, \.md, \.html, \.htm, \.pdf, \.jsonl, \.csv\.$"):
        find_files(tmp_path / "a.docx")


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that anyone may enter, read by someone who is not root."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        folder.chmod(0o755)
        touch(folder / "in/a.md", folder / "locked/b.md", folder / "listed/c.md")
        (folder / "in/a.md").chmod(0)
        (folder / "locked").chmod(0)
        (folder / "listed").chmod(0o444)
        user = os.geteuid()
        if user == 0:
            os.seteuid(65534)
        try:
            yield folder
        finally:
            os.seteuid(user)
            (folder / "locked").chmod(0o700)
            (folder / "listed").chmod(0o700)


def test_what_may_not_be_read_is_told(open_folder: Path) -> None:
    with Sources() as sources:
        (failure,) = sources.read(open_folder / "in/a.md")
    assert failure.reason == "can't be read: permission denied"
    for name in ("locked", "listed"):
        said = rf"^The folder .*/{name} can't be read: permission denied\."
        with pytest.raises(SourceError, match=said):
            find_files(open_folder / name)


def test_files_that_went_away_or_have_no_reader_are_failures(tmp_path: Path) -> None:
    touch(tmp_path / "a.json")
    with Sources() as sources:
        reasons = [
            failure.reason
            for name in ("gone.md", "gone.jsonl", "gone.pdf", "a.json")
            for failure in sources.read(tmp_path / name)
        ]
    assert reasons[:3] == ["can't be read: no such file or directory"] * 3
    assert reasons[3].startswith("is not a file of the kinds .txt")


@pytest.mark.parametrize(
    ("name", "origin"),
    [(b"caf\xe9.md", r"caf\xe9.md"), (b"a\nb\x1b[1m.md", r"a\nb\x1b[1m.md"), (b"-rf #1.md",) * 2],
)
def test_odd_names_are_read_and_safe_to_show(
    tmp_path: Path, name: bytes, origin: str | bytes
) -> None:
    file = Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name))
    touch(file)
    with Sources() as sources:
        (article,) = sources.read(find_files(tmp_path)[0])
    expected = origin if isinstance(origin, str) else origin.decode()
    assert article.origin == f"{tmp_path}/{expected}" == shown(file)
    assert article.origin.isprintable()
    assert article.title == "words"
