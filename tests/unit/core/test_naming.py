"""Names that go with other names fit on the disk, whatever they are made of; one file is one file by any name."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from phosphene.engine.core.errors import UserError
from phosphene.engine.core.naming import COMPANIONS, WORKING, beside, numbered, refuse_inputs, same


def usable(name: bytes) -> bool:
    return b"/" not in name and b"\0" not in name and name not in (b"", b".", b"..")


bytes_of_names = st.binary(min_size=1, max_size=255)


names_of_endings = st.tuples(st.binary(max_size=9), st.lists(st.sampled_from([*WORKING, *COMPANIONS]), max_size=51)).map(
    lambda parts: (parts[0] + os.fsencode("".join(parts[1])))[-255:]
)


@given(name=(bytes_of_names | names_of_endings).filter(usable), n=st.integers(1, 9999))
@example(name=b"abcde" + b".json" * 50, n=1)
@example(name=b".json" * 51, n=1)
@example(name=b"ab" + b".framehash" * 25, n=9999)
def test_every_name_that_goes_with_one_fits_and_is_its_own(name: bytes, n: int) -> None:
    path = Path("/tmp") / os.fsdecode(name)
    found = [beside(path, ending) for ending in (*WORKING, *COMPANIONS)]
    found += [numbered(path, n), numbered(path, n + 1), *(beside(numbered(path, n), ending) for ending in WORKING)]
    assert len({os.fsencode(each) for each in (path, *found)}) == len(found) + 1
    assert all(len(os.fsencode(each.name)) <= 255 and each.parent == path.parent for each in found)
    assert found[0] == beside(path, WORKING[0]), "the same each time"


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("out.mp4", "out-2.mp4"),
        ("out.mp4.framehash", "out-2.mp4.framehash"),
        ("out.mp4.part.mkv", "out-2.mp4.part.mkv"),
        ("out.mp4.framehash.part", "out-2.mp4.framehash.part"),
        ("report.json", "report-2.json"),
        ("shots", "shots-2"),
        (".mp4", ".mp4-2"),
        ("a. Live at the end of a long night", "a. Live at the end of a long night-2"),
        (".part.mkv", ".part-2.mkv"),
    ],
)
def test_a_number_goes_before_the_suffix(name: str, wanted: str) -> None:
    assert numbered(Path("x") / name, 2) == Path("x") / wanted
    assert numbered(Path("x") / name, 0) == Path("x") / name


def test_one_file_is_one_file(tmp_path: Path) -> None:
    film, folder = tmp_path / "film.mp4", tmp_path / "folder"
    film.write_bytes(b"film")
    folder.mkdir()
    (tmp_path / "soft.mp4").symlink_to(film)
    os.link(film, tmp_path / "hard.mp4")
    names = [film, tmp_path / "soft.mp4", tmp_path / "hard.mp4", folder / ".." / "film.mp4", Path(f"{tmp_path}//./film.mp4")]
    for each in names:
        assert same(film, each)
        with pytest.raises(UserError, match="made of"):
            refuse_inputs([tmp_path / "other", each], [film])
    with pytest.raises(UserError, match="folder that holds"):
        refuse_inputs([tmp_path], [film])
    refuse_inputs([tmp_path / "other", folder], [film])
    assert same(tmp_path / "not there", tmp_path / "x" / ".." / "not there")
    assert not same(tmp_path / "not there", film)
