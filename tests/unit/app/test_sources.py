"""Pictures in a show: called like styles, refused with a reason, the same in every render, known to scenes and pages."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from phosphene.engine.app.actions import NoActions
from phosphene.engine.app.build import build_stage
from phosphene.engine.app.pipeline import close_stage, open_for_render
from phosphene.engine.app.stage import Stage
from phosphene.engine.app.take_state import StageSnapshots
from phosphene.engine.app.telemetry import source_told
from phosphene.engine.audio.offline import FileAnalysis
from phosphene.engine.core.clock import OfflineClock
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Size
from phosphene.engine.desk.library import DeskLibrary
from phosphene.engine.gpu.context import info
from phosphene.engine.library.catalogue import show_catalogue
from phosphene.engine.models.style import load_style
from phosphene.engine.pacing.governor import Governor
from phosphene.engine.show.saving import scene_of
from phosphene.engine.show.scene import Scene, lint_scene
from phosphene.engine.show.setlist import EMPTY
from tests.films import write_film
from tests.plug import Plug, until
from tests.unit.app.playing import play, put

SIZE = Size(96, 54)


def make_stage() -> Stage:
    pcm = 0.3 * np.sin(2 * np.pi * 60 * np.arange(96_000) / 48_000).astype(np.float32)
    governor, renderer = Governor(SIZE, 24, fixed=SIZE), info()["renderer"]
    made, _ = build_stage(
        OfflineClock(24), FileAnalysis(pcm), SIZE, governor, NoActions(), renderer=renderer, backend="cpu", inline=True
    )
    return made


@pytest.fixture(autouse=True)
def media(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of media with a picture, and one that is none."""
    folder = tmp_path / "media"
    folder.mkdir()
    noise = np.random.default_rng(1).integers(0, 256, (9, 16, 3), np.uint8)
    Image.fromarray(noise).resize((320, 180), Image.Resampling.BICUBIC).save(folder / "holiday.jpg")
    (folder / "text.png").write_text("hello")
    (folder / "text.mp4").write_text("hello")
    write_film(folder / "loop.mp4", list(np.random.default_rng(2).integers(0, 256, (10, 18, 32, 3), np.uint8)))
    monkeypatch.setenv("PHOSPHENE_MEDIA", str(folder))
    return folder


@pytest.fixture
def stage(gl: object) -> Iterator[Stage]:
    made = make_stage()
    yield made
    close_stage(made)


def test_a_picture_is_called_like_a_style(stage: Stage) -> None:
    put(stage, "/deck/a/style", "image:holiday.jpg")
    plain = play(stage, 3)
    assert stage.state.a.style == "image:holiday.jpg"
    assert stage.playing["a"].backend == "media"
    assert not stage.mixer.faults
    assert plain.std() > 0.05
    assert source_told(stage, "a") == "320x180"
    assert source_told(stage, "b") == ""
    put(stage, "/deck/a/through", 1.0)
    assert np.abs(play(stage, 2) - plain).mean() > 0.03


def test_it_crossfades_and_takes_effects_like_any_style(stage: Stage) -> None:
    put(stage, "/deck/a/style", "image:holiday.jpg")
    put(stage, "/deck/b/style", "neon-tide")
    put(stage, "/deck/a/fx/mirror/amount", 1.0)
    put(stage, "/crossfade", 0.5)
    picture = play(stage, 4)
    assert (stage.playing["a"].backend, stage.playing["b"].backend) == ("media", "cpu")
    assert not stage.mixer.faults
    assert picture.std() > 0.02


@pytest.mark.parametrize(
    ("name", "said"),
    [("image:none.jpg", "no such picture"), ("image:text.png", "no such format"), ("image:../x.jpg", "no such picture"),
     ("clip:none.mp4", "no such clip"), ("clip:text.mp4", "no film can be read"),
     ("image:holiday.jpg@neon-tide", "no codebook")],
)  # fmt: skip
def test_what_cannot_be_shown_is_refused_and_the_old_one_plays_on(stage: Stage, name: str, said: str) -> None:
    put(stage, "/deck/a/style", "image:holiday.jpg")
    play(stage, 2)
    put(stage, "/deck/a/style", name)
    assert play(stage, 2).std() > 0.05
    assert stage.state.a.style == "image:holiday.jpg"
    assert said in stage.messages[-1]
    assert not stage.mixer.faults


def scene(style: str, **params: float) -> Scene:
    deck = {"style": style, "params": params}
    maps = [{"signal": "bass", "to": "through", "range": [0.0, 0.8]}]
    return Scene.model_validate({"slug": "s", "version": 1, "name": "S", "deck": deck, "map": maps})


@pytest.mark.parametrize("style", ["image:holiday.jpg", "clip:loop.mp4", "clip:loop.mp4@toy-blocks"])
def test_a_scene_names_a_picture_and_every_render_is_the_same(gl: object, style: str) -> None:
    pictures = []
    for _ in range(2):
        stage = make_stage()
        open_for_render(stage, scene(style, wander=1.0))
        pictures.append(play(stage, 12))
        assert stage.shown is not None
        assert stage.shown.a.params["through"] > 0.1
        close_stage(stage)
    assert np.array_equal(*pictures)
    assert pictures[0].std() > 0.02


def test_a_render_of_a_camera_is_refused(stage: Stage) -> None:
    with pytest.raises(UserError, match=r"cannot be opened|no past"):
        open_for_render(stage, scene("camera:0"))


def test_a_camera_is_gone_and_the_picture_goes_on(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    put(stage, "/deck/a/style", "image:holiday.jpg")
    play(stage, 2)
    put(stage, "/deck/a/style", "camera:9")  # there is none
    assert play(stage, 2).std() > 0.05
    assert "no picture from this camera" in stage.messages[-1]
    plug = Plug()
    monkeypatch.setattr("phosphene.engine.sources.camera._opener", lambda device: plug)
    stage.live = True
    put(stage, "/deck/a/style", "camera:9")
    assert play(stage, 3).std() > 0.05
    assert source_told(stage, "a") == "camera 9, 96x54"
    plug.inside = False
    assert until(lambda: "gone" in source_told(stage, "a"))
    assert play(stage, 3).std() > 0.05
    assert not stage.mixer.faults


def test_a_take_knows_which_content_it_was(stage: Stage) -> None:
    put(stage, "/deck/a/style", "image:holiday.jpg")
    play(stage, 4)
    told = json.loads(json.dumps(StageSnapshots(stage).opening()["decks"]["a"]))
    assert told["style"] == "image:holiday.jpg"
    assert told["sha256"] == load_style("image:holiday.jpg").sha256


def test_scenes_are_checked_and_saved_with_pictures(media: Path, tmp_path: Path, stage: Stage) -> None:
    catalogue = show_catalogue()
    path = tmp_path / "s.toml"
    for style, faults in (
        ("image:holiday.jpg", 0),
        (f"image:{media / 'holiday.jpg'}", 0),
        ("camera:0", 0),
        ("image:x.jpg", 1),
    ):
        path.write_text(f"version = 1\nname = 'S'\n[deck]\nstyle = '{style}'\n")
        assert len(lint_scene(path, catalogue)) == faults, style
    put(stage, "/deck/a/style", f"image:{media / 'holiday.jpg'}")
    play(stage, 2)
    assert scene_of(stage.state, catalogue, "mine").deck.style.endswith("holiday.jpg")


def test_pages_know_the_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("phosphene.engine.desk.library.input_names", lambda: ["demo"])
    monkeypatch.setattr("phosphene.engine.desk.library.list_cameras", lambda: {"2": "USB Cam"})
    catalogue = show_catalogue()
    cards = {card["slug"]: card for card in DeskLibrary(catalogue, EMPTY).document()["styles"]}
    assert "image:holiday.jpg" in catalogue.styles
    assert (cards["image:holiday.jpg"]["kind"], cards["image:holiday.jpg"]["fault"]) == ("image", "")
    assert (cards["camera:2"]["kind"], cards["camera:2"]["name"]) == ("camera", "USB Cam")
