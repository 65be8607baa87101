"""The HUD's drawing: everything promised is on it, it fits any screen, and it is cheap."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from phosphene.engine.core.frame import Size
from phosphene.engine.output import hud_panel
from phosphene.engine.output.hud_model import HudModel

MODEL = HudModel(
    scene="tide-pool",
    fps_target=24,
    frame_p50_ms=18.4,
    frame_p99_ms=33.1,
    missed=3,
    internal_size=Size(320, 180),
    output_size=Size(1280, 720),
    backend="cpu",
    refused=(("cuda", "no CUDA device"), ("glsl", "128 wide, at most 32")),
    audio_source="Scarlett 2i2 USB: Audio (hw:1,0), channels 1 and 2 of 8",
    audio_state="running",
    bpm=127.9,
    confidence=0.86,
    deck_a="ember-veil",
    deck_b="cold-lattice",
    crossfade=0.35,
    recorder="recording",
    recorded_s=3725,
    disk_free_gb=31.2,
    messages=("scene loaded",),
    errors=("style refused: weights hold NaN",),
)
SCREENS = [Size(640, 360), Size(1280, 720), Size(1920, 1080), Size(320, 180), Size(200, 900)]


@pytest.mark.parametrize("screen", SCREENS, ids=str)
@pytest.mark.parametrize("model", [MODEL, HudModel()], ids=["full", "empty"])
def test_the_panel_fits_the_screen_and_is_premultiplied(screen, model):
    drawn = hud_panel.draw_panel(model, screen)
    height, width, _ = drawn.image.shape
    assert width <= screen.width
    assert height <= screen.height
    assert drawn.image.dtype == np.uint8
    assert np.all(drawn.image[..., :3].max(axis=2) <= drawn.image[..., 3])
    assert set(drawn.live) == {"level", "beat1", "beat2", "beat3", "beat4"}


@pytest.mark.parametrize("screen", SCREENS[:3], ids=str)
def test_live_places_and_all_sections_are_inside(screen):
    drawn = hud_panel.draw_panel(MODEL, screen)
    for x, y, w, h in drawn.live.values():
        assert 0 <= x < x + w <= drawn.image.shape[1]
        assert 0 <= y < y + h <= drawn.image.shape[0]
    assert (drawn.image == (*hud_panel.BAD, 255)).all(axis=2).any()  # the error line is red and not cut off


# Every value that promise 4 names changes what is drawn.
CHANGES = {
    "scene": "x",
    "fps_target": 60.0,
    "frame_p50_ms": 9.0,
    "frame_p99_ms": 90.0,
    "missed": 4,
    "internal_size": Size(160, 90),
    "output_size": Size(640, 360),
    "backend": "glsl",
    "refused": (),
    "audio_source": "demo",
    "audio_state": "lost",
    "clipped": 1,
    "overflows": 1,
    "restarts": 1,
    "bpm": 90.0,
    "confidence": 0.1,
    "per_bar": 3,
    "deck_a": "x",
    "deck_b": "x",
    "crossfade": 1.0,
    "transition": "wipe, 8 beats",
    "master": 0.5,
    "blackout": True,
    "freeze": True,
    "guard": "off",
    "recorder": "failed: disk full",
    "recorded_s": 1.0,
    "recorded_frames": 7,
    "recorder_dropped": 1,
    "disk_free_gb": 0.4,
    "received": 1,
    "rejected": 1,
    "dropped": 1,
    "messages": ("y",),
    "errors": (),
}


def test_every_field_has_a_change_below():
    assert set(CHANGES) == {f.name for f in dataclasses.fields(HudModel)}


@pytest.mark.parametrize("screen", SCREENS[:2], ids=str)
@pytest.mark.parametrize("field", CHANGES)
def test_every_value_is_seen(field, screen):
    before = hud_panel.draw_panel(MODEL, screen).image
    after = hud_panel.draw_panel(dataclasses.replace(MODEL, **{field: CHANGES[field]}), screen).image
    assert before.shape != after.shape or not np.array_equal(before, after)


def test_errors_outlive_messages_when_there_is_no_room():
    crowded = dataclasses.replace(MODEL, messages=tuple("abcdefgh" * 4), errors=("this one",))
    drawn = hud_panel.draw_panel(crowded, Size(640, 360))
    assert (drawn.image == (*hud_panel.BAD, 255)).all(axis=2).any()


def test_badges_tell_what_must_not_be_missed():
    assert hud_panel.badges(HudModel()) == ()
    model = HudModel(blackout=True, freeze=True, recorder="recording", recorded_s=61, audio_state="lost", errors=("a", "b"))
    assert [text for text, _ in hud_panel.badges(model)] == ["BLACKOUT", "FREEZE", "AUDIO LOST", "REC 1:01", "b"]
    assert hud_panel.badges(HudModel(recorder="failed: disk full"))[0][0] == "REC failed: disk full"
    for screen in SCREENS:
        image = hud_panel.draw_badges(hud_panel.badges(model), screen).image
        assert image.shape[1] <= screen.width


def test_the_level_is_in_decibels():
    assert hud_panel.level_share(0.0) == 0
    assert hud_panel.level_share(1.0) == 1
    assert hud_panel.level_share(10 ** (-24 / 20)) == pytest.approx(0.5)
    assert hud_panel.level_share(3.0) == 1
