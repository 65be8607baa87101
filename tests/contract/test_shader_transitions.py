"""Shaders as transitions keep what all promise: one deck alone at the ends, the fader both ways, finite light."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from phosphene.engine.backends.isf_judge import Verdict
from phosphene.engine.backends.isf_known import NOT_TRIED
from phosphene.engine.backends.isf_trial import remember
from phosphene.engine.compositor.isf import MOST_TRANSITIONS, shader_transitions, why_not
from phosphene.engine.compositor.mixer import Mixer
from phosphene.engine.compositor.transitions import Transitions, weights
from phosphene.engine.control.table import build_table
from phosphene.engine.core.frame import Frame, Size
from phosphene.engine.core.signals import BeatPosition, signals_at
from phosphene.engine.gpu.shader import Passes
from phosphene.engine.gpu.texture import RenderTarget
from phosphene.engine.library.catalogue import show_catalogue
from phosphene.engine.models.colour import linear_to_srgb, srgb_to_linear
from phosphene.engine.models.isf import Isf, read_isf
from phosphene.engine.show.catalogue import TRANSITIONS
from phosphene.engine.show.state import DeckFrame, ShowFrame

pytestmark = pytest.mark.gl
SIZE = Size(64, 36)
OURS = sorted(shader_transitions())
INPUTS = [
    {"NAME": "startImage", "TYPE": "image"},
    {"NAME": "endImage", "TYPE": "image"},
    {"NAME": "progress", "TYPE": "float"},
]
HALF = 4e-3  # two roundings to half floats between 0.5 and 1, on the steep end of sRGB
SLIDE = """void main() {
    vec2 p = isf_FragNormCoord;
    gl_FragColor = p.x < progress ? IMG_NORM_PIXEL(endImage, p) : IMG_NORM_PIXEL(startImage, p);
}"""
MIXED = "void main() { gl_FragColor = mix(IMG_THIS_PIXEL(startImage), IMG_THIS_PIXEL(endImage), progress); }"
WHITE = "void main() { gl_FragColor = vec4(1.0); }"
SPOILT = "void main() { gl_FragColor = vec4(1e30, sqrt(progress - 2.0), -1e30, 1.0 / (progress - progress)); }"
COUNT = "void main() { gl_FragColor = vec4(TIME, float(FRAMEINDEX) / 8.0, IMG_THIS_PIXEL(kept).b + 0.125, 1.0); }"


def write(folder: Path, body: str, name: str, inputs: list | None = None, **header: object) -> Isf:
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.fs"
    path.write_text(f"/*{json.dumps({'INPUTS': inputs or INPUTS} | header)}*/\n{body}")
    return read_isf(path)


def frame(k: int = 0) -> Frame:
    return Frame(k, k / 8, k / 8, 1 / 8, 8.0)


def noise(seed: int) -> np.ndarray:
    picture = np.random.default_rng(seed).uniform(0.05, 0.95, (SIZE.height, SIZE.width, 4)).astype(np.float32)
    picture[..., 3] = 1.0
    return picture


Draw = Callable[..., np.ndarray]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder of shaders that stands alone."""
    monkeypatch.setenv("PHOSPHENE_SHADERS", str(tmp_path / "shaders"))
    monkeypatch.setenv("PHOSPHENE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "shaders"


def proven(folder: Path, body: str, name: str, **more: object) -> None:
    remember(write(folder, body, name, **more), Verdict(True), "some renderer")


@pytest.fixture
def draw(gl: object) -> Iterator[Draw]:
    """Return what draws a transition between two decks, and returns the picture, float32 [h, w, 4]."""
    passes, made = Passes(), []
    a, b, out = (RenderTarget(SIZE, "rgba32f") for _ in range(3))
    a.upload(noise(1))
    b.upload(noise(2))

    def drawn(kind: str, mix: float, k: int = 0, **more: object) -> np.ndarray:
        if not made:
            made.append(Transitions(passes))
        made[0].look(kind)
        made[0].draw(kind, mix, a, b, out, frame(k), **more)
        drawn.fault = made[0].fault  # type: ignore[attr-defined]
        return out.read()

    drawn.decks = a, b  # type: ignore[attr-defined]
    yield drawn
    for each in (*made, a, b, out, passes):
        each.close()


def test_ours_are_chosen_like_any_other() -> None:
    catalogue = show_catalogue()
    assert catalogue.transitions == (*TRANSITIONS, *OURS)
    assert "shader-fan" in OURS
    choices = build_table({}, (), catalogue.transitions).inputs["/crossfade/kind"].arguments[0].choices
    assert choices == catalogue.transitions


@pytest.mark.parametrize("kind", OURS)
def test_ends_are_one_deck_exactly(draw: Draw, kind: str) -> None:
    for mix, deck in ((0.0, draw.decks[0]), (1.0, draw.decks[1])):
        np.testing.assert_array_equal(draw(kind, mix), deck.read())
        assert weights(kind, mix) == ((1.0, 0.0), (0.0, 1.0))[int(mix)]


@pytest.mark.parametrize("kind", OURS)
def test_ours_begin_and_end_at_the_decks(draw: Draw, kind: str) -> None:
    a, b = (each.read() for each in draw.decks)
    for mix, deck in ((0.004, a), (0.996, b)):
        picture = draw(kind, mix)
        assert draw.fault == ""
        assert np.abs(picture - deck).mean() < 0.03, f"a jump at {mix}"
    half = draw(kind, 0.5)
    assert min(np.abs(half - a).mean(), np.abs(half - b).mean()) > 0.05
    draw("cut", 0.2)
    forwards = [draw(kind, mix) for mix in (0.2, 0.4, 0.6)]
    backwards = [draw(kind, mix) for mix in (0.6, 0.4, 0.2)]
    for one, other in zip(forwards, backwards[::-1], strict=True):
        np.testing.assert_array_equal(one, other)


def test_progress_is_the_fader_and_colours_are_kept(folder: Path, draw: Draw) -> None:
    proven(folder, SLIDE, "Slide")
    proven(folder, MIXED, "mixed")
    a, b = (each.read() for each in draw.decks)
    for mix in (0.25, 0.75, 0.25):
        edge = round(SIZE.width * mix)
        picture = draw("shader-slide", mix)
        np.testing.assert_allclose(picture[:, :edge], b[:, :edge], atol=HALF)
        np.testing.assert_allclose(picture[:, edge:], a[:, edge:], atol=HALF)
    expected = srgb_to_linear(0.7 * linear_to_srgb(a[..., :3]) + 0.3 * linear_to_srgb(b[..., :3]))
    np.testing.assert_allclose(draw("shader-mixed", 0.3)[..., :3], expected, atol=HALF)


def test_levels_dim_each_deck(folder: Path, draw: Draw) -> None:
    proven(folder, SLIDE, "slide")
    a, b = (each.read() for each in draw.decks)
    picture = draw("shader-slide", 0.5, levels=(0.5, 0.25))
    np.testing.assert_allclose(picture[:, :32, :3], 0.25 * b[:, :32, :3], atol=HALF)
    np.testing.assert_allclose(picture[:, 32:, :3], 0.5 * a[:, 32:, :3], atol=HALF)


def test_a_bright_light_does_not_jump_where_it_begins(folder: Path, draw: Draw) -> None:
    proven(folder, SLIDE, "slide")
    bright = noise(3) * [6.0, 2.0, 1.0, 1.0]
    draw.decks[0].upload(bright.astype(np.float32))
    peak = bright[..., :3].max(axis=-1, keepdims=True)
    over = np.maximum(peak - 1.0, 0.0) ** 2
    hue = bright[..., :3] / peak
    white = np.where(peak > 1.0, hue + (1.0 - hue) * over / (over + 2.0), bright[..., :3])
    np.testing.assert_allclose(draw("shader-slide", 1e-4)[..., :3], white, atol=HALF)


def test_output_is_finite(folder: Path, draw: Draw) -> None:
    proven(folder, SPOILT, "spoilt")
    bright = np.abs(np.random.default_rng(5).normal(0.0, 3e4, (SIZE.height, SIZE.width, 4))).astype(np.float32)
    bright[2, 3], bright[4, 5], bright[6, 7] = np.nan, np.inf, -np.inf
    for deck in draw.decks:
        deck.upload(bright)
    for kind in ("shader-spoilt", "shader-gone"):
        out = draw(kind, 0.5)
        assert np.isfinite(out).all()
        assert out.min() >= 0.0


def test_alpha_is_that_of_a_dissolve(folder: Path, draw: Draw) -> None:
    proven(folder, WHITE, "white")
    draw.decks[1].upload(noise(2) * np.float32(0.5))
    np.testing.assert_allclose(draw("shader-white", 0.5)[..., 3], 0.75, atol=1e-3)


def test_what_does_not_end_at_the_decks_is_not_asked_there(folder: Path, draw: Draw) -> None:
    proven(folder, WHITE, "white")
    np.testing.assert_array_equal(draw("shader-white", 0.0), draw.decks[0].read())
    np.testing.assert_array_equal(draw("shader-white", 1.0), draw.decks[1].read())
    assert draw("shader-white", 0.5).min() == 1.0


def test_each_crossfade_begins_anew(folder: Path, draw: Draw) -> None:
    proven(folder, COUNT, "count", PASSES=[{"TARGET": "kept", "PERSISTENT": True, "FLOAT": True}])

    def at(k: int) -> list[float]:
        return [round(float(each), 3) for each in linear_to_srgb(draw("shader-count", 0.5, k)[3, 4, :3])]

    first = [at(k) for k in range(3)]
    assert first == [[0.0, 0.0, 0.125], [0.125, 0.125, 0.25], [0.25, 0.25, 0.375]]
    draw("shader-count", 1.0, 3)
    assert [at(k) for k in range(4, 7)] == first


def test_one_that_the_driver_refuses_is_a_dissolve_with_a_reason(folder: Path, draw: Draw) -> None:
    proven(folder, "void main() { wrong(); }", "broken")
    np.testing.assert_array_equal(draw("shader-broken", 0.3), draw("dissolve", 0.3))
    draw("shader-broken", 0.3)
    assert "broken.fs" in draw.fault
    draw("shader-gone", 0.3)
    assert draw.fault == "there is no such shader"
    draw("wipe", 0.3)
    assert draw.fault == ""


def test_one_whose_buffers_are_too_large_is_a_dissolve_in_that_very_frame(folder: Path, draw: Draw) -> None:
    wide = {"WIDTH": "4096", "HEIGHT": "4096", "PERSISTENT": True, "FLOAT": True}
    proven(folder, MIXED, "large", PASSES=[{"TARGET": f"b{n}", **wide} for n in range(3)] + [{}])
    np.testing.assert_array_equal(draw("shader-large", 0.3), draw("dissolve", 0.3))
    draw("shader-large", 0.3)
    assert "too much memory" in draw.fault


def test_the_mixer_tells_of_it_and_goes_on(folder: Path, gl: object) -> None:
    folder.mkdir()
    mixer, signals = Mixer(), signals_at(0.0, [], BeatPosition())
    decks = DeckFrame("idle", {}, ()), DeckFrame("idle", {}, ())
    for mix in (0.0, 0.5):
        picture = mixer.render(frame(), signals, ShowFrame(*decks, mix=mix, transition="shader-gone"), SIZE)
        assert np.isfinite(picture.read()).all()
        assert mixer.faults == {"crossfade": "there is no such shader"}
    mixer.render(frame(1), signals, ShowFrame(*decks, mix=0.5, transition="wipe"), SIZE)
    assert mixer.faults == {}
    mixer.close()


def test_only_what_has_proven_itself_is_a_transition(folder: Path) -> None:
    proven(folder, SLIDE + "// 1", "Proven")
    remember(write(folder, SLIDE + "// 2", "Hangs"), Verdict(False, "it hung"), "some renderer")
    write(folder, SLIDE + "// 3", "Untried")
    write(folder, SLIDE, "Generator", inputs=[{"NAME": "x", "TYPE": "float"}])
    (folder / "bad.fs").write_text("no header")
    assert list(shader_transitions()) == ["shader-proven"]
    assert show_catalogue().transitions == (*TRANSITIONS, "shader-proven")
    assert why_not("shader-hangs") == "it hung"
    assert why_not("shader-untried") == NOT_TRIED
    assert "no transition" in why_not("shader-generator")
    assert "no ISF header" in why_not("shader-bad")


def test_there_is_a_bound(folder: Path) -> None:
    for n in range(MOST_TRANSITIONS + 2):
        proven(folder, f"{SLIDE}// {n}", f"s{n:03}")
    assert len(shader_transitions()) == MOST_TRANSITIONS
    assert str(MOST_TRANSITIONS) in why_not(f"shader-s{MOST_TRANSITIONS:03}")
