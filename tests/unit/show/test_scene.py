"""Scene and setlist files: what is read, and that every fault is named with file, key, allowed, got and remedy."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from phosphene.engine.core.errors import UserError
from phosphene.engine.core.params import Param
from phosphene.engine.show.catalogue import Catalogue
from phosphene.engine.show.mapping import Mapping
from phosphene.engine.show.scene import lint_scene, load_scene, scene_names
from phosphene.engine.show.setlist import EMPTY, lint_setlist, load_setlist

CATALOGUE = Catalogue(
    styles=("lagoon", "ember"),
    effects={
        "feedback": (Param("amount", "Amount", 0.0, 1.0, 0.0), Param("decay", "Decay", 0.05, 8.0, 0.9)),
        "bloom": (Param("amount", "Amount", 0.0, 1.0, 0.0),),
    },
    deck_params=(Param("zoom", "Zoom", 0.1, 8.0, 1.0),),
    scenes=("opening", "drop"),
)

GOOD = """
version = 1
name = "Opening"
tags = ["slow"]
mix = 0.3
[deck]
style = "lagoon"
params = { zoom = 2 }
effects = [{ effect = "bloom", params = { amount = 0.5 } }]
[second]
style = "ember"
[faders]
1 = "depth"
[transition]
kind = "interlock"
beats = 16
start = "bar"
[[map]]
signal = "bass"
to = "zoom"
curve = "pow2"
attack = 0.01
release = 0.3
range = [0.0, 0.5]
[[map]]
signal = "fader1"
to = "second/fx/feedback/amount"
[[map]]
signal = "swing"
to = "crossfade"
range = [0.0, 0.2]
[[map]]
signal = "rms"
to = "master"
"""


def write(folder: Path, text: str, name: str = "opening.toml") -> Path:
    path = folder / name
    path.write_text(text, "utf-8")
    return path


def test_a_scene_is_read(tmp_path: Path) -> None:
    scene = load_scene(write(tmp_path, GOOD), CATALOGUE)
    assert (scene.slug, scene.name, scene.transition.beats) == ("opening", "Opening", 16.0)
    assert scene.mappings("deck", "b", "a") == (
        Mapping("bass", "deck/b/zoom", "pow2", 0.01, 0.3, (0.0, 0.5)),
        Mapping("swing", "crossfade", range=(-0.0, -0.2)),
        Mapping("rms", "master"),
    )
    assert scene.mappings("second", "a", "b") == (Mapping("fader1", "deck/a/fx/feedback/amount"),)
    assert scene.mappings("deck", "a", "b")[1].range == (0.0, 0.2)


@pytest.mark.parametrize(
    ("old", "new", "where", "text"),
    [
        ("version = 1", "version = 2", "version", "start the file with `version = 1`"),
        ("version = 1", "", "version", "start the file with `version = 1`"),
        ("[deck]", "[dek]", "dek", "did you mean 'deck'?"),
        ("attack", "atack", "map[1].atack", "did you mean 'attack'?"),
        ("params = { zoom = 2 }", "zoom = 2", "deck.zoom", "allowed: style, params, effects"),
        ('name = "Opening"', "", "name", "add `name = ...`"),
        ('style = "lagoon"', 'style = "lagon"', "deck.style", "did you mean 'lagoon'?"),
        ("zoom = 2", "zoom = 20", "deck.params.zoom", "0.1 to 8, got: 20"),
        ("zoom = 2", "zoom = nan", "deck.params.zoom", "finite number"),
        ("zoom = 2", 'zoom = "big"', "deck.params.zoom", "got: big"),
        ("zoom = 2", "zom = 2", "deck.params.zom", "did you mean 'zoom'?"),
        ('effect = "bloom"', 'effect = "blom"', "deck.effects[1].effect", "did you mean 'bloom'?"),
        ("{ amount = 0.5 }", "{ amount = 1.5 }", "deck.effects[1].params.amount", "0 to 1, got: 1.5"),
        ('signal = "bass"', 'signal = "base"', "map[1].signal", "did you mean 'bass'?"),
        ('to = "zoom"', 'to = "fx/bloom/amout"', "map[1].to", "did you mean 'fx/bloom/amount'?"),
        ('curve = "pow2"', 'curve = "pow9"', "map[1].curve", "did you mean 'pow"),
        ("release = 0.3", "release = -1", "map[1].release", "allowed: at least 0, got: -1"),
        ("[0.0, 0.5]", "[0.0]", "map[1].range[2]", "a range is two numbers"),
        ('kind = "interlock"', 'kind = "interlok"', "transition.kind", "did you mean 'interlock'?"),
        ('start = "bar"', 'start = "phrase"', "transition.start", "allowed: now, beat, bar, drop"),
        ('1 = "depth"', '9 = "depth"', "faders.9", "allowed: 1, 2, 3"),
        ("tags = [", "tags = ", "", "not valid TOML"),
        ("mix = 0.3", "mix = 3", "mix", "at most 1, got: 3"),
        ('[second]\nstyle = "ember"', "", "map[2].to", "unknown parameter"),
    ],
)
def test_faults_are_named(tmp_path: Path, old: str, new: str, where: str, text: str) -> None:
    assert old in GOOD
    path = write(tmp_path, GOOD.replace(old, new, 1))
    with pytest.raises(UserError) as caught:
        load_scene(path, CATALOGUE)
    assert caught.value.where == (f"{path}, {where}" if where else str(path))
    assert text in caught.value.line()
    assert caught.value.remedy or caught.value.allowed


def test_lint_finds_every_fault_at_once(tmp_path: Path) -> None:
    text = GOOD.replace('"lagoon"', '"nope"').replace('"bass"', '"basss"').replace("zoom = 2", "zoom = 99")
    faults = lint_scene(write(tmp_path, text), CATALOGUE)
    assert [f.where.split(", ")[1] for f in faults] == ["deck.style", "deck.params.zoom", "map[1].signal"]


def test_a_scene_comes_in_with_a_shader_and_as_a_dissolve_where_that_is_missing(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD.replace('"interlock"', '"shader-petals"'))
    assert load_scene(path, CATALOGUE).transition.kind == "shader-petals"
    (fault,) = lint_scene(path, CATALOGUE)
    assert fault.where == f"{path}, transition.kind"
    assert "is a dissolve" in fault.line()
    assert lint_scene(path, replace(CATALOGUE, transitions=("dissolve", "shader-petals"))) == []
    cues = write(tmp_path, 'version = 1\n[[cue]]\nscene = "drop"\ntransition = { kind = "shader-gone" }', "setlist.toml")
    assert load_setlist(cues, CATALOGUE).cue[0].transition.kind == "shader-gone"
    assert [f.where.split(", ")[1] for f in lint_setlist(cues, CATALOGUE)] == ["cue[1].transition.kind"]


@pytest.mark.parametrize("kind", ["shader-", "shader-A B", "shader-../x", "shader:fan", "shader-" + "x" * 300])
def test_what_no_shader_is_called_is_no_transition(tmp_path: Path, kind: str) -> None:
    with pytest.raises(UserError, match=r"transition\.kind"):
        load_scene(write(tmp_path, GOOD.replace('"interlock"', f'"{kind}"')), CATALOGUE)


def test_a_missing_scene_suggests_its_neighbour(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    with pytest.raises(UserError, match="did you mean 'opening'"):
        load_scene(tmp_path / "openning.toml", CATALOGUE)


def test_names_leave_the_setlist_out(tmp_path: Path) -> None:
    for name in ("b.toml", "a.toml", "setlist.toml", "notes.txt"):
        write(tmp_path, "", name)
    assert scene_names([tmp_path]) == ("a", "b")


def test_a_cue_changes_what_it_names_and_nothing_else(tmp_path: Path) -> None:
    scene = load_scene(write(tmp_path, GOOD), CATALOGUE)
    text = """
version = 1
[[cue]]
scene = "opening"
[[cue]]
scene = "opening"
note = "bigger"
transition = { kind = "cut", beats = 0, start = "beat" }
params = { zoom = 3, "fx/bloom/amount" = 0.9, "fx/feedback/decay" = 2 }
"""
    setlist = load_setlist(write(tmp_path, text, "setlist.toml"), CATALOGUE)
    assert setlist.played(0, scene) == scene
    played = setlist.played(1, scene)
    assert played.transition.kind == "cut"
    assert played.deck.params == {"zoom": 3.0}
    assert [(e.effect, e.params) for e in played.deck.effects] == [("bloom", {"amount": 0.9}), ("feedback", {"decay": 2.0})]
    assert played.map == scene.map


def test_setlist_faults(tmp_path: Path) -> None:
    assert load_setlist(tmp_path / "setlist.toml", CATALOGUE) == EMPTY
    path = write(tmp_path, 'version = 1\n[[cue]]\nscene = "dropp"\nparams = { zom = 1, zoom = 99 }', "setlist.toml")
    faults = lint_setlist(path, CATALOGUE)
    assert [f.where.split(", ")[1] for f in faults] == ["cue[1].scene", "cue[1].params.zom", "cue[1].params.zoom"]
    assert "did you mean 'drop'?" in faults[0].line()
    with pytest.raises(UserError):
        load_setlist(path, CATALOGUE)


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbf" + GOOD.encode(), GOOD.replace("\n", "\r\n").encode(), GOOD.replace("\n", "\r").encode(),
        GOOD.encode("utf-16"), b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode(),
    ],
)  # fmt: skip
def test_what_other_editors_write_is_read(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "opening.toml").write_bytes(data)
    assert load_scene(tmp_path / "opening.toml", CATALOGUE).name == "Opening"
    (tmp_path / "setlist.toml").write_bytes(b'\xef\xbb\xbfversion = 1\r\n[[cue]]\r\nscene = "drop"\r\n')
    assert load_setlist(tmp_path / "setlist.toml", CATALOGUE).cue[0].scene == "drop"


def test_what_no_editor_writes_is_one_line(tmp_path: Path) -> None:
    for data, said in (
        ("a=" + "[" * 3000 + "]" * 3000, "nested too deeply"), ("version = " + "9" * 5000, "number"),
        (GOOD + "[[map]]\nsignal = 'rms'\nto = 'zoom'\n" * 200, "at most 128"), ("#" + "x" * (2 << 20), "too large"),
        (GOOD.replace("mix = 0.3", "mix = nan"), "mix"), (GOOD.replace("beats = 16", "beats = inf"), "beats"),
    ):  # fmt: skip
        for name, read in (("opening.toml", lint_scene), ("setlist.toml", lint_setlist)):
            (tmp_path / name).write_text(data)
            lines = [fault.line() for fault in read(tmp_path / name, CATALOGUE)]
            assert lines, data[:40]
            assert all("\n" not in line and len(line) < 1500 for line in lines)
            assert said in lines[0] or read is lint_setlist or data.startswith(GOOD[:20])


def test_thousands_of_faults_are_a_few_lines(tmp_path: Path) -> None:
    (tmp_path / "opening.toml").write_text(GOOD.replace("mix = 0.3", "\n".join(f"k{i} = 1" for i in range(20_000))))
    lines = [fault.line() for fault in lint_scene(tmp_path / "opening.toml", CATALOGUE)]
    assert len(lines) == 25
    assert "and 19976 faults more" in lines[-1]


def test_pipes_are_not_opened(tmp_path: Path) -> None:
    for name, read in (("opening.toml", load_scene), ("setlist.toml", load_setlist)):
        os.mkfifo(tmp_path / name)
        with pytest.raises(UserError, match="no regular file"):
            read(tmp_path / name, CATALOGUE)
