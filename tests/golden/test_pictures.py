"""Golden pictures of every effect, transition and of the idle scene, as they leave the output pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from phosphene.engine.compositor.mixer import Mixer
from phosphene.engine.compositor.output_pass import OutputPass
from phosphene.engine.compositor.transitions import Transitions
from phosphene.engine.core.frame import Frame, Size
from phosphene.engine.core.params import defaults
from phosphene.engine.core.signals import BeatPosition, signals_at
from phosphene.engine.effects.registry import EFFECTS
from phosphene.engine.generators.idle import Idle
from phosphene.engine.gpu.shader import Passes
from phosphene.engine.gpu.texture import RenderTarget
from phosphene.engine.show.state import DeckFrame, ShowFrame

SIZE = Size(160, 90)
SIGNALS = signals_at(0.0, [], BeatPosition(0.1))
Golden = Callable[[str, np.ndarray], None]


def frame(index: int) -> Frame:
    return Frame(index, index / 30, index / 30, 1 / 30, 30.0)


def scenery(t: float = 0.0) -> np.ndarray:
    """Coloured bands, dark corners and an overbright ring that moves with `t`: float32 [h, w, 4], linear."""
    y, x = np.mgrid[0 : SIZE.height, 0 : SIZE.width]
    u, v = (x + 0.5) / SIZE.height - 0.5 * SIZE.aspect, 0.5 - (y + 0.5) / SIZE.height
    r = np.hypot(u - 0.3 * np.sin(t), v - 0.2 * np.cos(t))
    a, b = np.sin(3 * u + 2 * np.sin(4 * v + t)), np.cos(5 * v - 2 * np.sin(3 * u))
    rgb = np.stack([np.sin(2.5 * a + b), np.sin(2.1 * b + 2 + 0.5 * a), np.sin(3 * a * b + 4)], axis=-1)
    rgb = (0.5 + 0.5 * rgb) ** 2.2 * np.exp(-1.5 * r**2)[..., None]
    rgb += 2.0 * np.exp(-np.minimum(((r - 0.25) / 0.02) ** 2, 60.0))[..., None] * np.array([1.0, 0.7, 0.4])
    return np.concatenate([rgb, np.ones_like(rgb[..., :1])], axis=-1).astype(np.float32)


class Stage:
    """A source and a target picture, and the output pass that shows one."""

    def __init__(self) -> None:
        self.passes = Passes()
        self.source, self.target = RenderTarget(SIZE), RenderTarget(SIZE)
        self._screen = RenderTarget(SIZE, "rgba8")
        self._output = OutputPass(self.passes)
        self.source.upload(scenery())

    def shown(self, picture: RenderTarget) -> np.ndarray:
        """Return the picture as the audience sees it."""
        self._output.draw(picture, self._screen)
        return self._screen.read()

    def close(self) -> None:
        for each in (self.source, self.target, self._screen, self._output, self.passes):
            each.close()


@pytest.fixture
def stage(gl) -> Iterator[Stage]:
    made = Stage()
    yield made
    made.close()


@pytest.mark.parametrize("name", EFFECTS)
def test_effect(stage: Stage, golden: Golden, name: str) -> None:
    effect = EFFECTS[name](stage.passes)
    values = defaults(effect.params) | {"amount": 0.8}
    if name == "strobe":
        values["white"] = 0.3
    for index in range(12 if name == "feedback" else 1):
        stage.source.upload(scenery(index / 12))
        effect.apply(stage.source, stage.target, frame(index), SIGNALS, values)
    golden(f"effect-{name}", stage.shown(stage.target))
    effect.close()


@pytest.mark.parametrize("kind", ["dissolve", "through-black", "wipe", "interlock"])
def test_transition(stage: Stage, golden: Golden, kind: str) -> None:
    transitions, other = Transitions(stage.passes), RenderTarget(SIZE)
    other.upload(np.ascontiguousarray(scenery(2.0)[:, ::-1, [2, 0, 1, 3]]))
    transitions.draw(kind, 0.35, stage.source, other, stage.target, frame(0))
    golden(f"transition-{kind}", stage.shown(stage.target))
    transitions.close()
    other.close()


@pytest.mark.parametrize("seconds", [5, 3600])
def test_idle(stage: Stage, golden: Golden, seconds: int) -> None:
    idle = Idle()
    idle.render(frame(30 * seconds), SIGNALS, {}, stage.target)
    golden(f"idle-{seconds}s", stage.shown(stage.target))
    idle.close()


def test_show(stage: Stage, golden: Golden) -> None:
    """Two decks of the idle scene under effects, half-way through an interlock; twice, and equal to the bit."""
    chains = [
        (("kaleidoscope", {"amount": 1.0, "segments": 5.0}), ("grade", {"amount": 1.0, "palette": 5.0, "contrast": 1.6})),
        (("warp", {"amount": 0.6}), ("feedback", {"amount": 0.7}), ("bloom", {"amount": 0.8, "threshold": 0.05})),
    ]
    decks = [DeckFrame("idle", {}, chain) for chain in chains]
    shown = []
    for _ in range(2):
        mixer = Mixer()
        for index in range(6):
            picture = mixer.render(frame(150 + index), SIGNALS, ShowFrame(*decks, mix=0.5, transition="interlock"), SIZE)
        shown.append(stage.shown(picture))
        mixer.close()
    np.testing.assert_array_equal(*shown)
    golden("show", shown[0])
