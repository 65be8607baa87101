"""Scenes, setlists, styles, ratings and albums of strangers: loaded, or refused by a UserError, and nothing else.

What is loaded is then used as far as that goes without painting: a scene is opened, a setlist is played.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest
import tomli_w
from hypothesis import example, given, settings
from hypothesis import strategies as st

from phosphene.engine.core import paths
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.signals import BeatPosition
from phosphene.engine.library.catalogue import show_catalogue
from phosphene.engine.library.ratings import load_ratings
from phosphene.engine.models.graph import MOST_PARAMETERS
from phosphene.engine.models.style import load_meta, load_style
from phosphene.engine.show.change import Change, LoadScene, SceneReady
from phosphene.engine.show.document import Document
from phosphene.engine.show.scene import lint_scene, load_scene
from phosphene.engine.show.setlist import lint_setlist, load_setlist
from phosphene.tools.album.checks import check_album
from phosphene.tools.album.schema import Faults, read_album
from tests.fuzz.mutations import ANYTHING, CHANGES, TEXT_CHANGES, changed, plain, scribbled

T = TypeVar("T")
CATALOGUE = show_catalogue()
SCENE = (paths.PACKAGE / "scenes" / "pulse.toml").read_bytes()
STYLE = (paths.PACKAGE / "styles" / "neon-tide" / "style.toml").read_bytes()
GAN = (paths.PACKAGE / "styles" / "neon-web" / "style.toml").read_bytes()
LOOPS = (paths.PACKAGE / "styles" / "neon-loops" / "style.toml").read_bytes()
SETLIST = b"""version = 1
name = "Night"
[[cue]]
scene = "pulse"
note = "slowly"
[[cue]]
scene = "tide"
transition = { kind = "cut", beats = 0, start = "now" }
[cue.params]
zoom = 1.5
"fx/bloom/amount" = 0.25
"""
ALBUM = b"""version = 1
[album]
title = "Album"
out = "out"
size = "320x180"
fps = 24
crf = 20
workers = 2
[album.film]
gap_s = 1.0
[[track]]
id = "one"
source = "one.wav"
scene = "pulse"
trim = { start = 0.0, end = 2.0 }
anchors = [[0, 0, 0, 0, 0, 0, 0, 0]]
[track.overrides]
zoom = 1.2
[[track]]
id = "two"
source = "two.wav"
scenes = ["tide", "pulse:neon-tide"]
style = "manta"
seed = 7
"""
RATINGS = b'version = 1\n[styles.manta]\nstars = 4\nnote = "blue"\n'

DEEP, DIGITS, DOTS = b"[" * 3000 + b"]" * 3000, b"9" * 5000, b"a." * 50_000 + b"b = 1"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("documents")


def written(place: Path, name: str, original: bytes, change: object) -> Path:
    """Write `original` as `change` makes it: a list of data changes, or of scribbles."""
    path = place / name
    path.parent.mkdir(exist_ok=True)
    if isinstance(change, bytes):
        path.write_bytes(change)
    elif change and len(change[0]) == 2:
        data = changed(tomllib.loads(original.decode()), change)
        try:
            path.write_text(tomli_w.dumps(plain(data if isinstance(data, dict) else {"x": data})), encoding="utf-8")
        except (TypeError, ValueError):  # a value that TOML has not
            path.write_bytes(b"x")
    else:
        path.write_bytes(scribbled(original, change))
    return path


CHANGED = CHANGES | TEXT_CHANGES
BOMBS = [
    b"",
    b"\xef\xbb\xbfversion = 1",
    b"version = 1\nx = " + DEEP,
    b"version = " + DIGITS,
    DOTS,
    b"version = inf",
    b"\xff\xfe\x00",
    b"version = 1\r\nname = 'a'\rdeck = 1",
    b"\0" * 1000,
    b"version = 1\n" + b"[[map]]\nsignal='bass'\nto='zoom'\n" * 5000,
    b"version = 1\n" + b"".join(b"k%d = 1\n" % i for i in range(20_000)),
    b"version = 1979-05-27",
]


def with_bombs(test):
    for bomb in BOMBS:
        test = example(change=bomb)(test)
    return test


def taken(read: Callable[[], T]) -> T | None:
    """Return what is read; None where it is refused, in a line that a person can read to its end."""
    try:
        return read()
    except Faults as faults:
        said = faults.faults
    except UserError as error:
        said = (error,)
    assert all(len(fault.line()) < 3000 for fault in said)
    return None


@settings(max_examples=120, deadline=None)
@given(change=CHANGED)
@with_bombs
def test_scenes(place: Path, change: object) -> None:
    path = written(place, "scene.toml", SCENE, change)
    faults = lint_scene(path, CATALOGUE)
    scene = taken(lambda: load_scene(path, CATALOGUE))
    assert (scene is None) == bool(faults)
    if scene is not None:
        document = Document(CATALOGUE)
        state, _ = document.opened(scene)
        state, _ = document.apply(state, [SceneReady(scene)], BeatPosition())
        document.resolve(state, {})


@settings(max_examples=80, deadline=None)
@given(change=CHANGED)
@with_bombs
def test_setlists(place: Path, change: object) -> None:
    path = written(place, "setlist.toml", SETLIST, change)
    faults = lint_setlist(path, CATALOGUE)
    setlist = taken(lambda: load_setlist(path, CATALOGUE))
    assert (setlist is None) == bool(faults)
    if setlist is None:
        return
    document = Document(CATALOGUE, setlist)
    state = document.empty()
    for _ in range(min(3, len(setlist.cue))):
        state, actions = document.apply(state, [Change("/cue/go")], BeatPosition())
        for action in actions:
            if isinstance(action, LoadScene):
                scene = load_scene(paths.PACKAGE / "scenes" / f"{action.slug}.toml", CATALOGUE)
                state, _ = document.apply(state, [SceneReady(scene)], BeatPosition())


@settings(max_examples=150, deadline=None)
@given(which=st.sampled_from([STYLE, GAN, LOOPS]), change=CHANGED)
def test_styles(place: Path, which: bytes, change: object) -> None:
    folder = written(place, "style/style.toml", which, change).parent
    meta = taken(lambda: load_meta(folder))
    assert taken(lambda: load_style(folder)) is None, "there are no weights"
    if meta is not None and meta.kind != "cppn":
        assert meta.network.parameters <= MOST_PARAMETERS


@pytest.mark.parametrize("bomb", BOMBS)
def test_styles_that_are_bombs(place: Path, bomb: bytes) -> None:
    folder = written(place, "style/style.toml", STYLE, bomb).parent
    assert taken(lambda: load_meta(folder)) is None


@settings(max_examples=60, deadline=None)
@given(change=CHANGED)
@with_bombs
def test_ratings(place: Path, change: object) -> None:
    written(place, "ratings.toml", RATINGS, change)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PHOSPHENE_STYLES", str(place))
        taken(load_ratings)


@settings(max_examples=120, deadline=None)
@given(
    change=CHANGED, key=st.sampled_from(["album.title", "track.one.seed", "track.one.trim.end", "track.x.y"]), to=ANYTHING
)
def test_albums(place: Path, change: object, key: str, to: object) -> None:
    path = written(place, "album.toml", ALBUM, change)
    for changes in ((), (f"{key}={to}",)):
        album = taken(lambda changes=changes: read_album(path, changes))
        if album is not None:
            taken(lambda album=album: check_album(album, path, CATALOGUE))


@pytest.mark.parametrize("bomb", BOMBS)
def test_albums_that_are_bombs(place: Path, bomb: bytes) -> None:
    path = written(place, "album.toml", ALBUM, bomb)
    assert taken(lambda: read_album(path)) is None
