"""The moods that ship are whole, and a wrong one says what is wrong with it."""

from __future__ import annotations

import pytest

from phosphene.engine.core.errors import UserError
from phosphene.tools.album import presets
from phosphene.tools.album.presets import LEVELS, load_preset, preset_names
from phosphene.tools.album.report import presets_text

MOODS = {"default", "drift", "fracture", "lumen", "nocturne", "pulse", "surge"}


def test_the_seven_moods_are_there() -> None:
    assert set(preset_names()) >= MOODS


@pytest.mark.parametrize("name", preset_names())
def test_a_mood_is_whole(name: str, catalogue) -> None:
    preset = load_preset(name, catalogue)
    assert all(len(set(preset.looks(level))) == len(preset.looks(level)) >= 2 for level in LEVELS)
    assert {"speed", "react"} <= set(preset.energy)


def test_the_list_names_every_mood_and_look(catalogue) -> None:
    text = presets_text()
    for name in preset_names():
        assert name in text
        assert all(look in text for level in LEVELS for look in load_preset(name, catalogue).looks(level))


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ('calm = ["tide"', 'calm = ["tyde"', ["calm", "no such scene", "did you mean 'tide'"]),
        ("speed = [0.8, 1.3]", "speeed = [0.8, 1.3]", ["energy.speeed", "did you mean 'speed'"]),
        ("speed = [0.8, 1.3]", "speed = [0.8, 13]", ["energy.speed", "0 to 4", "got: 13"]),
        ("[walk]\nbeats = 16", "[walk]\nbeat = 16", ["walk.beat", "did you mean 'beats'"]),
        ('kind = "cut"', 'kind = "cutt"', ["drop.kind", "dissolve", "did you mean 'cut'"]),
    ],
)
def test_a_wrong_mood_is_refused(catalogue, tmp_path, monkeypatch, before: str, after: str, told: list[str]) -> None:
    text = (presets.FOLDER / "default.toml").read_text("utf-8")
    assert before in text
    (tmp_path / "mine.toml").write_text(text.replace(before, after, 1), "utf-8")
    monkeypatch.setattr(presets, "FOLDER", tmp_path)
    with pytest.raises(UserError) as caught:
        load_preset("mine", catalogue)
    assert all(part in caught.value.line() for part in told), caught.value.line()
