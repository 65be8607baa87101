"""Shaders on a deck: what the eight parameters move, how events are pressed, how sound and view come in."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from phosphene.engine.backends.base import ReadyShader
from phosphene.engine.core.frame import Frame, Size
from phosphene.engine.core.params import defaults
from phosphene.engine.core.signals import BeatPosition, Signals, signals_at, silence
from phosphene.engine.generators.isf import ISF_PARAMS, IsfGenerator, slots_of, values_of
from phosphene.engine.generators.still import sequence, still
from phosphene.engine.gpu.shader import Passes
from phosphene.engine.gpu.texture import RenderTarget
from phosphene.engine.models.colour import linear_to_srgb
from phosphene.engine.models.isf import read_isf
from phosphene.engine.models.style import load_style

SIZE = Size(32, 18)
QUIET = signals_at(0.0, [], BeatPosition())
Make = Callable[..., IsfGenerator]


@pytest.fixture
def make(gl: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """Return what makes a generator of a shader's text and header."""
    monkeypatch.setenv("PHOSPHENE_SHADERS", str(tmp_path))
    passes, made = Passes(), []

    def making(body: str, opaque: bool = False, **header: object) -> IsfGenerator:
        (tmp_path / "one.fs").write_text(f"/*{json.dumps({'INPUTS': []} | header)}*/\n{body}")
        style = load_style("shader:one")
        made.append(IsfGenerator(style, ReadyShader(style.spec, {}, opaque), passes))
        return made[-1]

    yield making
    for each in made:
        each.close()
    passes.close()


def painted(
    generator: IsfGenerator, params: dict | None = None, signals: Signals = QUIET, dt: float = 0.1, frames: int = 1
) -> np.ndarray:
    target = RenderTarget(SIZE)
    for k in range(frames):
        generator.render(Frame(k, k * dt, k * dt, dt, 10.0), signals, params or {}, target)
    picture = target.read()
    target.close()
    return picture


def write(folder: Path, inputs: list[dict]) -> Path:
    path = folder / "one.fs"
    path.write_text(f"/*{json.dumps({'INPUTS': inputs})}*/void main() {{}}")
    return path


INPUTS = [
    {"NAME": "rate", "TYPE": "float", "LABEL": "Rate", "MIN": 0, "MAX": 4, "DEFAULT": 1},
    {"NAME": "inputNot", "TYPE": "image"},
    {"NAME": "place", "TYPE": "point2D", "MIN": [0, 0], "MAX": [1, 1], "DEFAULT": [0.5, 0.5]},
    {"NAME": "tint", "TYPE": "color", "DEFAULT": [1, 0, 0, 0.5]},
    {"NAME": "mode", "TYPE": "long", "VALUES": [7, 8, 9]},
    *({"NAME": f"more{n}", "TYPE": "bool"} for n in range(9)),
]


def test_parameters_go_to_the_inputs_in_their_order(tmp_path: Path) -> None:
    slots = slots_of(read_isf(write(tmp_path, INPUTS)))
    assert [slot.label for slot in slots] == ["Rate", "place x", "place y", "tint hue", "mode", "more0", "more1", "more2"]
    assert [slot.param for slot in slots] == [f"shader{n}" for n in range(1, 9)]


def test_values_begin_at_what_the_author_set(tmp_path: Path) -> None:
    slots = slots_of(read_isf(write(tmp_path, INPUTS)))
    still_values = values_of(slots, defaults(ISF_PARAMS))
    assert still_values["rate"] == (1.0,)
    assert still_values["place"] == (0.5, 0.5)
    assert still_values["tint"] == (1.0, 0.0, 0.0, 0.5)
    moved = values_of(
        slots, defaults(ISF_PARAMS) | {"shader1": -0.5, "shader3": 1.0, "shader4": 2 / 3, "shader5": 1.0, "shader6": 1.0}
    )
    assert moved["rate"] == (0.5,)
    assert moved["place"] == (0.5, 1.0)
    np.testing.assert_allclose(moved["tint"], (0.0, 1.0, 0.0, 0.5), atol=1e-9)
    assert moved["mode"] == (9.0,)
    assert moved["more0"] == (1.0,)


def test_grey_colours_answer_too(tmp_path: Path) -> None:
    slots = slots_of(read_isf(write(tmp_path, [{"NAME": "tint", "TYPE": "color", "DEFAULT": [1, 1, 1, 1]}])))
    red, green, blue, alpha = values_of(slots, defaults(ISF_PARAMS) | {"shader1": 0.5})["tint"]
    assert alpha == 1.0
    assert max(red, green, blue) - min(red, green, blue) > 0.5


def test_time_is_the_frames(make: Make) -> None:
    generator = make("void main() { gl_FragColor = vec4(TIME, TIMEDELTA, 0.0, 1.0); }")
    picture = linear_to_srgb(painted(generator, {"react": 0.0}, frames=4)[..., :3])
    np.testing.assert_allclose(picture[0, 0], (0.4, 0.1, 0.0), atol=2e-3)
    slow = make("void main() { gl_FragColor = vec4(TIME, TIMEDELTA, 0.0, 1.0); }")
    picture = linear_to_srgb(painted(slow, {"react": 0.0, "speed": 0.5}, frames=4)[..., :3])
    np.testing.assert_allclose(picture[0, 0], (0.2, 0.05, 0.0), atol=2e-3)


def test_an_event_comes_once_for_each_press(make: Make) -> None:
    header = {
        "INPUTS": [{"NAME": "go", "TYPE": "event"}],
        "PASSES": [{"TARGET": "count", "WIDTH": "1", "HEIGHT": "1", "FLOAT": True, "PERSISTENT": True}, {}],
    }
    body = "void main() { gl_FragColor = IMG_NORM_PIXEL(count, vec2(0.5)) + (PASSINDEX == 0 && go ? 0.1 : 0.0); }"
    generator = make(body, opaque=True, **header)
    seen = []
    for held in (0.0, 1.0, 1.0, 1.0, 0.0, 0.8, 0.0):
        picture = painted(generator, {"shader1": held})
        seen.append(round(float(linear_to_srgb(picture[..., :3])[0, 0, 0]), 2))
    assert seen == [0.0, 0.1, 0.1, 0.1, 0.1, 0.2, 0.2]


def test_colours_are_those_of_the_screen(make: Make) -> None:
    generator = make("void main() { gl_FragColor = vec4(0.5, 1.7, -1.0, 1.0); }")
    picture = painted(generator)
    np.testing.assert_allclose(linear_to_srgb(picture[0, 0, :3]), (0.5, 1.0, 0.0), atol=1e-3)
    assert picture[0, 0, 3] == 1.0


def test_what_is_transparent_is_black_unless_alpha_was_forgotten(make: Make) -> None:
    body = "void main() { gl_FragColor = vec4(1.0, 1.0, 1.0, isf_FragNormCoord.x > 0.5 ? 1.0 : 0.0); }"
    picture = painted(make(body))
    assert picture[0, 0].tolist() == [0.0, 0.0, 0.0, 1.0]
    assert picture[0, -1].tolist() == [1.0, 1.0, 1.0, 1.0]
    assert painted(make(body, opaque=True))[0, 0].tolist() == [1.0, 1.0, 1.0, 1.0]


def test_what_is_no_number_is_black(make: Make) -> None:
    picture = painted(make("void main() { gl_FragColor = vec4(sqrt(-1.0 - TIME), 1.0 / (TIME - TIME), 0.0, 1.0); }"))
    assert np.isfinite(picture).all()
    assert picture[0, 0, 0] == 0.0


def test_the_deck_looks_at_it(make: Make) -> None:
    generator = make("void main() { gl_FragColor = vec4(step(0.5, isf_FragNormCoord), 0.0, 1.0); }")
    plain = painted(generator)
    turned = painted(generator, {"rotate": 0.5})
    np.testing.assert_allclose(turned, plain[::-1, ::-1], atol=1e-3)
    right = painted(generator, {"pan_x": 0.5})
    assert (right[..., 0] > 0.5).mean() == pytest.approx((plain[..., 0] > 0.5).mean() - 0.5 * 9 / 32, abs=0.04)


def test_sound_comes_as_pictures(make: Make) -> None:
    record = silence()
    record["t_adc"] = 0.0
    record["mel"] = np.linspace(12.0, 0.0, 40)
    loud = signals_at(0.0, [record], BeatPosition())
    header = {"INPUTS": [{"NAME": "fft", "TYPE": "audioFFT", "MAX": 8}, {"NAME": "wave", "TYPE": "audio"}]}
    body = """void main() {
        gl_FragColor = vec4(IMG_THIS_PIXEL(fft).r, IMG_THIS_PIXEL(wave).r, IMG_SIZE(fft).x / 16.0, 1.0);
    }"""
    quiet, heard = (linear_to_srgb(painted(make(body, **header), signals=each)[..., :3]) for each in (QUIET, loud))
    assert quiet[0, :, 0].max() == 0.0
    np.testing.assert_allclose(quiet[..., 1], 0.5, atol=2e-3)
    assert heard[0, 2, 0] > 0.85 > 0.15 > heard[0, -2, 0]
    assert np.ptp(heard[0, :, 1]) > 0.3
    np.testing.assert_allclose(heard[..., 2], 0.5, atol=2e-3)
    assert linear_to_srgb(painted(make(body, **header), {"react": 0.0}, loud)[..., :3])[..., 0].max() == 0.0


def test_stills_need_no_context_of_the_callers(make: Make) -> None:
    make("void main() { gl_FragColor = vec4(TIME, isf_FragNormCoord, 1.0); }")
    style = load_style("shader:one")
    picture = still(style, SIZE, 0.5, {})
    assert picture.shape == (18, 32, 3)
    np.testing.assert_allclose(picture[0, :, 0], 0.5, atol=2e-3)
    frames = list(sequence(style, SIZE, [{}, {}, {}], 0.1, 1.0, 0.0))
    np.testing.assert_allclose([frame[0, 0, 0] for frame in frames], (0.1, 0.2, 0.3), atol=2e-3)
