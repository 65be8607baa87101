"""Reading a take: whole, damaged, cut off, moved, none at all."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from engine.app.catalogue import show_catalogue
from engine.app.take_log import check_styles, read_take
from engine.app.take_state import FRAMES, PICTURES
from engine.core import paths
from engine.core.errors import UserError
from engine.core.frame import Size
from engine.output.flac import FlacWriter
from engine.show.change import Change, SceneReady, StyleFailed, StyleReady
from engine.show.document import Document
from engine.show.scene import load_scene
from engine.show.state import snapshot


def start(**more: object) -> dict:
    show = snapshot(Document(show_catalogue()).empty())
    return {"kind": "start", "log": 2, "fps": "30000/1001", "size": "64x36", "show": show, **more}


LINES = [
    start(decks={"a": {"style": "neon-tide", "backend": "cpu", "sha256": "1234"}, "b": {"style": ""}}),
    {"kind": "recording", "frame": 3, "time": 0.1, "t_present": 5.0, "t_start": 4.9},
    {"kind": "change", "frame": 4, "time": 0.13, "path": "/deck/a/zoom", "args": [1.5], "source": "key", "every": False},
    {"kind": "style_ready", "frame": 5, "time": 0.17, "deck": "b", "style": "third-eye", "backend": "cpu", "sha256": ""},
    {"kind": "style_failed", "frame": 6, "time": 0.2, "deck": "b", "style": "gone", "reason": "no such style"},
]


@pytest.fixture
def take(tmp_path: Path) -> Path:
    folder = tmp_path / "take"
    folder.mkdir()
    write(folder, LINES)
    flac = FlacWriter(folder / "audio.flac")
    flac.write(np.zeros((4800, 2), np.float32))
    flac.close()
    (folder / "frames.bin").write_bytes(np.zeros(3, FRAMES).tobytes())
    (folder / "pictures.bin").write_bytes(np.zeros(3, PICTURES).tobytes())
    return folder


def write(folder: Path, lines: list[dict], tail: str = "") -> None:
    (folder / "events.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines) + tail)


def test_a_whole_take(take: Path) -> None:
    found = read_take(take)
    assert (found.size, found.fps, found.began) == (Size(64, 36), Fraction(30000, 1001), (0.1, 5.0))
    assert [each.given for each in found.inputs] == [
        Change("/deck/a/zoom", (1.5,), 0.13, "take", every=True),
        StyleReady("b", "third-eye"),
        StyleFailed("b", "gone", "no such style"),
    ]
    assert found.styles == {"neon-tide": "1234", "third-eye": ""}
    assert (len(found.frames), len(found.pictures)) == (3, 3)
    assert found.sound == take / "audio.flac"
    assert found.notes == ("the recording is not at hand: nothing to compare with",)
    assert check_styles(found) == ["style neon-tide has changed since: it paints other pictures than in the recording"]


def test_a_scene_is_the_one_that_was_played_whatever_its_file_is_now(take: Path) -> None:
    scene = load_scene(paths.scenes_dir() / "pulse.toml", show_catalogue()).model_copy(update={"name": "As it was"})
    write(take, [*LINES, {"kind": "scene_ready", "frame": 9, "time": 0.3, "scene": scene.model_dump(mode="json")}])
    assert read_take(take).inputs[-1].given == SceneReady(scene)


def test_damaged_lines_are_left_out_and_counted(take: Path) -> None:
    strange = [
        {"kind": "change", "path": "no slash", "args": [], "time": 1.0},
        {"kind": "change", "path": "/master", "time": 1.0},
        {"kind": "change", "path": "/master", "args": [None], "time": 1.0},
        {"kind": "style_ready", "time": "soon"},
        {"kind": "scene_ready", "scene": {"version": 1}, "time": 1.0},
        {"kind": "of a later time"},
    ]
    write(take, [*LINES, *strange], 'not json\n[1, 2]\n\x00\x01\n{"kind": "change", "path": "/mas')
    found = read_take(take)
    assert len(found.inputs) == 3
    assert "4 damaged lines of the log are left out" in found.notes
    assert "6 lines of the log say nothing that is known and are left out" in found.notes


def test_bytes_that_are_no_text_are_a_damaged_line(take: Path) -> None:
    with (take / "events.jsonl").open("ab") as file:
        file.write(b"\xff\xfe\x80\n")
    assert "1 damaged lines of the log are left out" in read_take(take).notes


def test_a_cut_record_is_left_out(take: Path) -> None:
    with (take / "frames.bin").open("ab") as file:
        file.write(b"cut")
    assert len(read_take(take).frames) == 3
    (take / "frames.bin").write_bytes(b"cut")
    found = read_take(take)
    assert len(found.frames) == 0
    assert any("frames.bin is missing or empty" in note for note in found.notes)


def test_trails_that_are_missing_or_cut_are_said(take: Path) -> None:
    deck = {"style": "neon-tide", "trails": [4, 8]}
    write(take, [start(decks={"a": deck, "b": deck}), *LINES[1:]])
    trails = np.arange(4 * 8 * 4, dtype="<f2")
    (take / "trails-a.f16").write_bytes(trails.tobytes())
    (take / "trails-b.f16").write_bytes(trails.tobytes()[:-3])
    found = read_take(take)
    assert found.trails.keys() == {"a"}
    assert np.array_equal(found.trails["a"].reshape(-1), trails)
    assert any("trails of deck b" in note for note in found.notes)


@pytest.mark.parametrize("damage", ["missing", "empty", "garbage"])
def test_without_sound_there_is_no_rerender(take: Path, damage: str) -> None:
    flac = take / "audio.flac"
    flac.unlink()
    if damage != "missing":
        flac.write_bytes(b"" if damage == "empty" else b"fLaC" + bytes(range(200)))
    with pytest.raises(UserError, match=r"no sound .*audio.flac.*put audio.flac or the recording back"):
        read_take(take)


@pytest.mark.parametrize(
    ("lines", "what"),
    [
        ([], "no first line"),
        (LINES[1:], "no first line"),
        ([start(log=99)], "newer program"),
        ([start(log="two")], "newer program"),
        ([start(fps="fast")], "first line is damaged"),
        ([start(size=None)], "first line is damaged"),
        ([start(show={"a": 1})], "first line is damaged"),
        ([{"kind": "start"}], "first line is damaged"),
    ],
)
def test_a_first_line_that_is_none(take: Path, lines: list[dict], what: str) -> None:
    write(take, lines)
    with pytest.raises(UserError, match=what):
        read_take(take)


def test_a_folder_that_is_no_take(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nowhere", Path(__file__)):
        with pytest.raises(UserError, match=r"not a take .*events\.jsonl.*name the folder"):
            read_take(folder)


def test_the_recording_is_found_where_it_was_or_in_the_moved_folder(take: Path, tmp_path: Path) -> None:
    write(take, [start(recording=str(tmp_path / "elsewhere" / "show.mp4")), *LINES[1:]])
    (take / "show.mp4").write_bytes(b"")
    assert read_take(take).recording == take / "show.mp4"
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "show.mp4").write_bytes(b"")
    assert read_take(take).recording == tmp_path / "elsewhere" / "show.mp4"
    (take / "show.mp4").unlink()
    (tmp_path / "elsewhere" / "show.mp4").rename(tmp_path / "elsewhere" / "show.mp4.part.mkv")
    assert read_take(take).recording == tmp_path / "elsewhere" / "show.mp4.part.mkv"
