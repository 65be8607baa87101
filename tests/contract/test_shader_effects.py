"""Shaders as effects keep what every effect promises: identity at 0, finite light, and alpha that is the picture's."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from phosphene.engine.backends.isf_judge import Verdict
from phosphene.engine.backends.isf_trial import remember
from phosphene.engine.core.frame import Frame, Size
from phosphene.engine.core.params import complete
from phosphene.engine.core.signals import BeatPosition, signals_at
from phosphene.engine.effects.base import Effect
from phosphene.engine.effects.chain import Chain
from phosphene.engine.effects.isf import MOST_EFFECTS, effect_of, shader_effects
from phosphene.engine.effects.registry import EFFECTS, all_effects
from phosphene.engine.gpu.shader import Passes
from phosphene.engine.gpu.texture import RenderTarget
from phosphene.engine.library.catalogue import show_catalogue
from phosphene.engine.models.colour import linear_to_srgb
from phosphene.engine.models.isf import Isf, read_isf

pytestmark = pytest.mark.gl
SIZE = Size(32, 18)
INPUTS = [
    {"NAME": "inputImage", "TYPE": "image"},
    {"NAME": "Amount", "TYPE": "float", "DEFAULT": 0.25},
    {"NAME": "mode", "TYPE": "long", "VALUES": [0, 3, 9]},
    {"NAME": "place", "TYPE": "point2D", "MIN": [-1, 0], "MAX": [1, 4], "DEFAULT": [0, 2]},
    {"NAME": "tint", "TYPE": "color", "DEFAULT": [1, 1, 1, 1]},
    {"NAME": "go", "TYPE": "event"},
]
MIRROR = "void main() { gl_FragColor = IMG_NORM_PIXEL(inputImage, vec2(1.0 - isf_FragNormCoord.x, isf_FragNormCoord.y)); }"
SPOILT = (
    "void main() { gl_FragColor = IMG_THIS_PIXEL(inputImage) * vec4(1e30, sqrt(-1.0 - TIME), -1e30, 1.0 / (TIME - TIME)); }"
)
BODIES = {"mirror": MIRROR, "spoilt": SPOILT}


def write(folder: Path, body: str, name: str = "one", inputs: list | None = None, **header: object) -> Isf:
    path = folder / f"{name}.fs"
    path.write_text(f"/*{json.dumps({'INPUTS': inputs or INPUTS[:1]} | header)}*/\n{body}")
    return read_isf(path)


def colourful(alpha: float = 1.0) -> np.ndarray:
    y, x = np.mgrid[0 : SIZE.height, 0 : SIZE.width].astype(np.float32)
    rgb = np.stack([x / SIZE.width, y / SIZE.height, 0.5 + 0.5 * np.sin(x * 0.7)], axis=-1)
    return np.concatenate([rgb, np.ones_like(rgb[..., :1])], axis=-1).astype(np.float32) * alpha


Run = Callable[..., np.ndarray]


@pytest.fixture
def run(gl: object) -> Iterator[Run]:
    """Return what applies an effect to a picture, float32 [h, w, 4], and returns what comes of it."""
    passes, made = Passes(), []
    source, target = RenderTarget(SIZE, "rgba32f"), RenderTarget(SIZE, "rgba32f")
    signals = signals_at(0.0, [], BeatPosition())

    def applied(effect: Effect, picture: np.ndarray, frames: int = 1, **params: float) -> np.ndarray:
        source.upload(picture)
        for k in range(frames):
            effect.apply(source, target, Frame(k, k / 30, k / 30, 1 / 30, 30.0), signals, complete(effect.params, params))
        return target.read()

    def making(kind: type[Effect]) -> Effect:
        made.append(kind(passes))
        return made[-1]

    applied.of = making  # type: ignore[attr-defined]
    yield applied
    for each in (*made, source, target, passes):
        each.close()


def test_inputs_become_parameters(tmp_path: Path) -> None:
    params = {p.name: p for p in effect_of(write(tmp_path, MIRROR, inputs=INPUTS), "shader-one").params}
    assert list(params)[:5] == ["amount", "amount_", "mode", "place_x", "place_y"]
    assert (params["amount"].default, params["amount_"].default) == (0.0, 0.25)
    assert (params["place_y"].minimum, params["place_y"].default, params["place_y"].maximum) == (0.0, 2.0, 4.0)
    assert len(params) == 10
    assert all(p.description and p.label for p in params.values())


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_amount_zero_is_identity(run: Run, tmp_path: Path, body: str) -> None:
    effect = run.of(effect_of(write(tmp_path, body), "shader-one"))
    np.testing.assert_allclose(
        run(effect, 1.5 * colourful()[..., :4]), np.minimum(1.5 * colourful(), [9, 9, 9, 1]), atol=2e-4
    )


def test_the_shader_sees_the_picture_and_is_seen(run: Run, tmp_path: Path) -> None:
    effect = run.of(effect_of(write(tmp_path, MIRROR), "shader-one"))
    picture = colourful()
    np.testing.assert_allclose(run(effect, picture, amount=1.0), picture[:, ::-1], atol=2e-3)
    np.testing.assert_allclose(run(effect, picture, amount=0.5), 0.5 * (picture + picture[:, ::-1]), atol=2e-3)


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_output_is_finite_at_every_corner(run: Run, tmp_path: Path, body: str) -> None:
    kind = effect_of(write(tmp_path, body, inputs=INPUTS[:4]), "shader-one")
    bright = np.abs(np.random.default_rng(5).normal(0.0, 3e4, (18, 32, 4))).astype(np.float32)
    bright[2, 3], bright[4, 5], bright[6, 7] = np.nan, np.inf, -np.inf
    effect = run.of(kind)
    for values in itertools.product(*((p.minimum, p.maximum) for p in kind.params)):
        out = run(effect, bright, 2, **dict(zip((p.name for p in kind.params), values, strict=True)))
        assert np.isfinite(out).all()
        assert out.min() >= 0.0
        assert out[..., 3].max() <= 1.0 + 1e-6


@pytest.mark.parametrize("name", ["ours", *BODIES])
def test_output_is_premultiplied(run: Run, tmp_path: Path, name: str) -> None:
    kind = shader_effects()["shader-slices"] if name == "ours" else effect_of(write(tmp_path, BODIES[name]), "shader-one")
    whole, part, none = (run.of(kind) for _ in range(3))
    full, out = run(whole, colourful(), 3, amount=0.8), run(part, colourful(0.4), 3, amount=0.8)
    np.testing.assert_allclose(out, full * 0.4, atol=2e-3)
    assert not run(none, np.zeros((18, 32, 4), np.float32), 3, amount=0.8).any()


def test_values_reach_the_shader(run: Run, tmp_path: Path) -> None:
    body = """void main() {
        gl_FragColor = vec4(Amount, float(mode) / 9.0, place.y / 4.0, 1.0);
        if (go) gl_FragColor = tint;
    }"""
    effect = run.of(effect_of(write(tmp_path, body, inputs=INPUTS), "shader-one"))

    def shown(**params: float) -> list[float]:
        picture = run(effect, colourful(), amount=1.0, **params)
        return [round(float(each), 2) for each in linear_to_srgb(picture[0, 0, :3])]

    assert shown() == [0.25, 0.0, 0.5]
    assert shown(amount_=0.75, mode=3.9, place_y=4.0) == [0.75, 0.33, 1.0]
    assert shown(go=1.0, tint_green=0.5) == [1.0, 0.5, 1.0]
    assert shown(go=1.0) == [0.25, 0.0, 0.5]  # once for each press
    shown(go=0.0)
    assert shown(go=1.0) == [1.0, 1.0, 1.0]


def test_a_fresh_one_goes_on_and_reset_forgets(run: Run, tmp_path: Path) -> None:
    kind = effect_of(write(tmp_path, "void main() { gl_FragColor = vec4(vec3(TIME), 1.0); }"), "shader-one")
    first, second = run.of(kind), run.of(kind)
    run(first, colourful(), 5, amount=1.0)
    second.resume(json.loads(json.dumps(first.memory())))
    assert np.array_equal(run(first, colourful(), amount=1.0), run(second, colourful(), amount=1.0))
    first.reset()
    assert run(first, colourful(), amount=1.0)[0, 0, 0] == 0.0


def test_one_that_the_driver_refuses_changes_nothing(run: Run, tmp_path: Path) -> None:
    effect = run.of(effect_of(write(tmp_path, "void main() { wrong(); }"), "shader-one"))
    np.testing.assert_allclose(run(effect, colourful(), amount=1.0), colourful(), atol=1e-6)


def test_only_what_has_proven_itself_is_an_effect(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHOSPHENE_SHADERS", str(tmp_path / "shaders"))
    monkeypatch.setenv("PHOSPHENE_CACHE", str(tmp_path / "cache"))
    (tmp_path / "shaders").mkdir()
    remember(write(tmp_path / "shaders", MIRROR + "// 1", "Proven"), Verdict(True), "some renderer")
    remember(write(tmp_path / "shaders", MIRROR + "// 2", "Hangs"), Verdict(False, "it hung"), "some renderer")
    write(tmp_path / "shaders", MIRROR + "// 3", "Untried")
    write(tmp_path / "shaders", MIRROR, "Generator", inputs=[{"NAME": "x", "TYPE": "float"}])
    assert list(shader_effects()) == ["shader-proven"]
    assert list(all_effects()) == [*list(EFFECTS)[:3], "shader-proven", *list(EFFECTS)[3:]]
    assert show_catalogue().effects["shader-proven"][0].name == "amount"


def test_there_is_a_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHOSPHENE_SHADERS", str(tmp_path / "shaders"))
    monkeypatch.setenv("PHOSPHENE_CACHE", str(tmp_path / "cache"))
    (tmp_path / "shaders").mkdir()
    for n in range(MOST_EFFECTS + 3):
        remember(write(tmp_path / "shaders", f"{MIRROR}// {n}", f"s{n:02}"), Verdict(True), "some renderer")
    assert len(shader_effects()) == MOST_EFFECTS


def test_a_chain_has_it(gl: object) -> None:
    passes, source = Passes(), RenderTarget(SIZE)
    source.upload(colourful())
    chain = Chain(passes)
    chain.warm()
    frame, signals = Frame(0, 0.0, 0.0, 1 / 30, 30.0), signals_at(0.0, [], BeatPosition())
    assert chain.apply(source, frame, signals, [("shader-slices", {"amount": 0.0})]) is source
    out = chain.apply(source, frame, signals, [("shader-slices", {"amount": 1.0, "slip": 0.4})]).read()
    assert np.isfinite(out).all()
    assert np.abs(out - colourful()).mean() > 0.02
    assert chain.memory() == {"shader-slices": [pytest.approx(1 / 30), 1.0]}  # its time, and its frames
    chain.close()
    source.close()
    passes.close()
