"""Reading a take: whole, damaged, cut off, moved, none at all."""

from __future__ import annotations

import json
import os
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from phosphene.engine.app.take_log import check_styles, read_take
from phosphene.engine.app.take_state import FRAMES, OLDER_FRAMES, PICTURES
from phosphene.engine.core import paths
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Size
from phosphene.engine.library.catalogue import show_catalogue
from phosphene.engine.output.flac import FlacWriter
from phosphene.engine.show.change import Change, SceneNotSaved, SceneReady, SceneSaved, StyleFailed, StyleReady
from phosphene.engine.show.document import Document
from phosphene.engine.show.scene import load_scene
from phosphene.engine.show.state import snapshot


def start(**more: object) -> dict:
    show = snapshot(Document(show_catalogue()).empty())
    return {"kind": "start", "log": 3, "fps": "30000/1001", "size": "64x36", "show": show, **more}


LINES = [
    start(decks={"a": {"style": "neon-tide", "backend": "cpu", "sha256": "1234"}, "b": {"style": ""}}),
    {"kind": "recording", "frame": 3, "time": 0.1, "t_present": 5.0, "t_start": 4.9},
    {"kind": "change", "frame": 4, "time": 0.13, "path": "/deck/a/zoom", "args": [1.5], "source": "key", "every": False},
    {"kind": "style_ready", "frame": 5, "time": 0.17, "deck": "b", "style": "third-eye", "backend": "cpu", "sha256": ""},
    {"kind": "style_failed", "frame": 6, "time": 0.2, "deck": "b", "style": "gone", "reason": "no such style"},
]


def frames(n: int) -> np.ndarray:
    """Return records as a show writes them."""
    rows = np.zeros(n, FRAMES)
    rows["index"] = np.arange(n)
    rows["per_bar"], rows["rate"] = 4.0, 0.25
    rows["bpm"], rows["width"], rows["height"], rows["dt"] = 120.0, 64, 36, 1 / 24
    rows["time"] = rows["t_present"] = rows["t_picture"] = rows["index"] / 24
    return rows


@pytest.fixture
def take(tmp_path: Path) -> Path:
    folder = tmp_path / "take"
    folder.mkdir()
    write(folder, LINES)
    flac = FlacWriter(folder / "audio.flac")
    flac.write(np.zeros((4800, 2), np.float32))
    flac.close()
    (folder / "frames.bin").write_bytes(frames(3).tobytes())
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
    scene = load_scene(paths.PACKAGE / "scenes" / "pulse.toml", show_catalogue()).model_copy(update={"name": "As it was"})
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


def test_frames_of_the_second_log_are_read_with_bars_of_four(take: Path) -> None:
    new = frames(3)
    new["beat"] = [0.0, 1.0, 2.5]
    old = np.zeros(3, OLDER_FRAMES[2])
    for name in old.dtype.names:
        old[name] = new[name]
    write(take, [start(log=2), *LINES[1:]])
    (take / "frames.bin").write_bytes(old.tobytes())
    read = read_take(take).frames
    assert read.dtype == FRAMES
    assert read["beat"].tolist() == [0.0, 1.0, 2.5]
    assert {(row["one"], row["per_bar"], row["rate"]) for row in read} == {(0.0, 4.0, 0.25)}


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


def test_names_whose_bytes_are_no_text_are_names(take: Path, tmp_path: Path) -> None:
    show = tmp_path / os.fsdecode(b"caf\xe9.mp4")
    show.write_bytes(b"")
    write(take, [start(recording=str(show), **deck(style=os.fsdecode(b"/caf\xe9"))), *LINES[1:]])
    assert read_take(take).recording == show


def deck(**more: object) -> dict:
    return {"decks": {"a": {"style": "neon-tide", "phase": 1.0, "levels": {}} | more}}


@pytest.mark.parametrize(
    "wrong",
    [
        {"decks": [1, 2]}, {"decks": {"a": 5}}, {"decks": {"c": {}}}, deck(style=[]), deck(style="x" * 10_000),
        deck(phase="x"), deck(phase=1e300), deck(effects={"strobe": [1, 2, "x"]}),
        deck(effects=7), deck(trails=[4]), deck(trails=[10**6, 10**6]), deck(levels={"bass": []}), deck(strike=[1, 2]),
        deck(strike=[-1, 0, 0, 0]), deck(ready=[]), {"envelopes": 7}, {"envelopes": ["a"]}, {"envelopes": [5.0]},
        {"scenes": 5}, {"scenes": [[]]}, {"setlist": {"x": 1}}, {"setlist": {"version": 1, "cue": [{"scene": []}]}},
        {"recording": 5}, {"size": "9000x9000"}, {"size": "8192x8192"}, {"size": f"{'9' * 5000}x9"}, {"fps": "1e999999999"},
        {"fps": 10**400}, {"log": True},
    ],
)  # fmt: skip
def test_a_first_line_of_a_stranger_is_refused_in_one_line(take: Path, wrong: dict) -> None:
    write(take, [start(**wrong), *LINES[1:]])
    with pytest.raises(UserError, match=r"first line|too large|newer program") as caught:
        read_take(take)
    assert len(caught.value.line()) < 2000


def test_lines_that_are_no_lines_of_ours_are_left_out(take: Path) -> None:
    odd = [
        {"kind": "style_ready", "deck": "c", "style": "neon-tide", "time": 0.5},
        {"kind": "style_ready", "deck": "a", "style": "x" * 5000, "time": 0.5},
        {"kind": "style_failed", "deck": "a", "style": ["a"], "reason": "b", "time": 0.5},
        {"kind": "change", "path": "/master", "args": [[1]], "time": 0.5},
        {"kind": "change", "path": "/master", "args": list(range(50)), "time": 0.5},
        {"kind": "change", "path": "/master", "args": ["x" * 5000], "time": 0.5},
        {"kind": "change", "path": "/master", "args": [1], "time": -1},
        {"kind": "change", "path": "/master", "args": [1], "time": 1e300},
        {"kind": "change", "path": "/master", "args": [1], "time": True},
        {"kind": "scene_failed", "scene": 5, "reason": "x", "time": 0.5},
        {"kind": "scene_ready", "scene": [], "time": 0.5},
    ]
    deep = '{"kind": "change", "x": ' + "[" * 100_000 + "]" * 100_000 + "}\n"
    long = '{"kind": "change", "x": "' + "x" * (5 << 20) + '"}\n'
    nan = '{"kind": "change", "path": "/master", "args": [NaN], "time": 1}\n'
    huge = '{"kind": "change", "path": "/master", "args": [1e999], "time": 1}\n'
    write(
        take, [*LINES, *odd], deep + long + nan + huge + '{"kind": "change", "path": "/master", "args": [0.5], "time": 2}\n'
    )
    found = read_take(take)
    assert len(found.inputs) == 4
    assert found.inputs[-1].given.args == (0.5,)
    assert f"{len(odd)} lines of the log say nothing that is known and are left out" in found.notes
    assert "4 damaged lines of the log are left out" in found.notes


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("beat", np.nan), ("t_picture", np.nan), ("t_present", np.inf), ("time", -1.0), ("dt", 1e300), ("bpm", 0.0),
        ("index", 2**40), ("norm", np.nan), ("norm", 9.0), ("phases", np.inf), ("width", 0), ("height", 9000),
        ("onset", -1.0), ("confidence", np.nan),
    ],
)  # fmt: skip
def test_records_that_no_show_writes_are_left_out(take: Path, name: str, value: float) -> None:
    rows = frames(6)
    rows[name][3:5] = value
    rows.tofile(take / "frames.bin")
    found = read_take(take)
    assert found.frames["index"].tolist() == [0, 1, 2, 5]
    assert "2 damaged records of frames.bin are left out" in found.notes


def test_pictures_too_large_for_any_show_and_places_that_are_none_are_left_out(take: Path) -> None:
    rows = frames(3)
    rows["width"][1] = rows["height"][1] = 8192
    rows.tofile(take / "frames.bin")
    places = np.zeros(3, PICTURES)
    places["t_picture"], places["frame"] = [0.0, np.nan, 0.1], [0, 1, -5]
    places.tofile(take / "pictures.bin")
    found = read_take(take)
    assert (len(found.frames), len(found.pictures)) == (2, 1)


def test_records_are_read_and_not_mapped(take: Path) -> None:
    """A mapped file that somebody shortens ends the program at the next look: here the process would be gone."""
    frames(5000).tofile(take / "frames.bin")
    found = read_take(take)
    (take / "frames.bin").write_bytes(b"")
    assert found.frames["index"][-1] == 4999


def test_pipes_and_names_that_are_too_long(take: Path) -> None:
    import os

    for name in ("frames.bin", "pictures.bin"):
        (take / name).unlink()
        os.mkfifo(take / name)
    write(take, [start(recording="x" * 4000), *LINES[1:]])
    found = read_take(take)
    assert (len(found.frames), found.recording) == (0, None)
    assert sum("no regular file" in note for note in found.notes) == 2
    with pytest.raises(UserError, match="not a take"):
        read_take(take / ("x" * 5000))
    (take / "events.jsonl").unlink()
    os.mkfifo(take / "events.jsonl")
    with pytest.raises(UserError, match="not a take"):
        read_take(take)


def test_what_came_with_the_edits_of_a_look_is_read(take: Path) -> None:
    args = ["kick", "zoom", "pow2", 0.0, 0.3, 0.0, 0.5, "bass"]
    lines = [
        {"kind": "change", "time": 0.3, "path": "/deck/a/map", "args": args, "source": "key", "every": True},
        {"kind": "change", "time": 0.4, "path": "/deck/a/zoom", "args": [2.0], "source": "autopilot wander"},
        {"kind": "scene_saved", "time": 0.5, "scene": "kept"},
        {"kind": "scene_not_saved", "time": 0.6, "scene": "kept", "reason": "disk full"},
    ]
    write(take, [*LINES, *lines])
    assert [each.given for each in read_take(take).inputs[-4:]] == [
        Change("/deck/a/map", tuple(args), 0.3, "take", every=True),
        Change("/deck/a/zoom", (2.0,), 0.4, "autopilot wander", every=True),
        SceneSaved("kept"),
        SceneNotSaved("kept", "disk full"),
    ], "what no hand did is known for that, also in a rerender"
