"""Pictures on a deck: sharp and right side up, by the numpy reference; by the beat; through a codebook."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from phosphene.engine.backends.base import ReadySource
from phosphene.engine.backends.codebook import Codebook
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Frame, Size
from phosphene.engine.core.signals import BeatPosition, Signals, signals_at
from phosphene.engine.generators.decoded import cover, half_screen
from phosphene.engine.generators.source import SourceGenerator, clip_place, source_generator
from phosphene.engine.gpu.shader import Passes
from phosphene.engine.gpu.texture import RenderTarget
from phosphene.engine.models.colour import srgb_to_linear
from phosphene.engine.models.encoding import View, view_matrix
from phosphene.engine.models.media import Source, SourceNetwork
from phosphene.engine.models.style import Style, StyleMeta
from phosphene.engine.sources.base import Frames
from phosphene.engine.sources.still import Still
from phosphene.kernels.source import reference
from tests.decoded_styles import small_vqvae
from tests.plug import until

FPS = 24
STILL = {"wander": 0.0, "react": 0.0}


def smooth(size: Size, seed: int = 2) -> np.ndarray:
    """Return a picture of soft colours that differs in each corner."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0 : size.height, 0 : size.width] / max(size.width, size.height)
    waves = [0.5 + 0.45 * np.sin(x * rng.uniform(2, 6) + y * rng.uniform(2, 6) + rng.uniform(0, 6)) for _ in range(3)]
    return (np.stack(waves, -1) * 255.0).astype(np.uint8)


class Numbered:
    """A clip of as many pictures as there are levels of grey, each its own number."""

    moves, fault, told = True, "", "numbered"

    def __init__(self, count: int, loops: bool = True) -> None:
        self._count, self.loops, self.closed = count, loops, 0

    def at(self, place: float) -> tuple[int, np.ndarray]:
        number = int(place * self._count)
        return number, np.full((9, 16, 3), number, np.uint8)

    def close(self) -> None:
        self.closed += 1


def generator(frames: Frames, kind: str = "image", book: Codebook | None = None, live: bool = False) -> SourceGenerator:
    meta = StyleMeta(version=1, name="Seen", kind=kind, seed=0, licence="", network=SourceNetwork(kind=kind))
    style = Style("seen", "Seen", kind, Source(kind, None, "", "loops", True), {}, meta, "5" * 64)
    return source_generator(style, ReadySource(frames, book), Passes(), None, live)


def heard(beat: float, **values: float) -> Signals:
    found = signals_at(0.0, [], BeatPosition(beat, 120.0, 1.0))
    return replace(found, table=dict(found.table) | values)


def shown(made: SourceGenerator, size: Size, beat: float, params: Mapping[str, float], **values: float) -> np.ndarray:
    target = RenderTarget(size)
    k = round(beat * FPS / 2)
    made.render(Frame(k, k / FPS, k / FPS, 1 / FPS, FPS), heard(beat, **values), params, target)
    picture = target.read()[..., :3]
    target.close()
    return picture


@pytest.mark.parametrize("picture", [Size(80, 45), Size(40, 90), Size(64, 64)], ids=str)
@pytest.mark.parametrize("screen", [Size(64, 36), Size(37, 91)], ids=str)
@pytest.mark.parametrize("view", [{}, {"zoom": 2.5, "rotate": 0.1, "pan_x": 0.3}, {"zoom": 1.3, "pan_y": 1.7}])
def test_the_card_reads_what_the_reference_reads(gl: object, picture: Size, screen: Size, view: dict[str, float]) -> None:
    """Also beyond the picture's edges, where it goes on mirrored."""
    pixels = smooth(picture)
    found = shown(generator(Still(pixels)), screen, 0.0, STILL | view)
    half, covered = half_screen(screen.aspect), cover(screen.aspect, picture.aspect)
    x = (np.arange(screen.width) + 0.5) / screen.width * 2 - 1
    y = 1 - (np.arange(screen.height) + 0.5) / screen.height * 2
    u, v = np.meshgrid(x * half[0], y * half[1])
    a, b, tx, ty = view_matrix(
        View(view.get("zoom", 1.0), view.get("rotate", 0.0), view.get("pan_x", 0.0), view.get("pan_y", 0.0))
    )
    p = np.stack((a * u - b * v + tx / math.pi, b * u + a * v + ty / math.pi), -1)
    wanted = srgb_to_linear(reference.sampled(pixels, reference.places(p, covered, (0.5, 0.5, 1.0))) / 255.0)
    # Smaller copies are softer than the picture: soft waves lose little.
    assert np.abs(found - wanted).mean() < 0.004
    assert np.abs(found - wanted).max() < 0.06


def test_fine_detail_far_away_is_grey_and_not_noise(gl: object) -> None:
    checks = np.indices((720, 1280)).sum(axis=0) % 2 * np.uint8(255)
    found = shown(generator(Still(np.repeat(checks[..., None], 3, 2))), Size(64, 36), 0.0, STILL)
    assert np.abs(found - 0.5).max() < 0.02, "half of the light, not half of the number"


def test_a_kick_is_seen_and_wandering_moves(gl: object) -> None:
    made = generator(Still(smooth(Size(80, 45))))
    size = Size(64, 36)
    calm, kicked = (shown(made, size, 0.0, {"wander": 0.0}, kick=level) for level in (0.0, 1.0))
    assert np.abs(kicked - calm).mean() > 2e-3
    later = shown(made, size, 8.0, {"wander": 1.0})
    assert np.abs(later - calm).mean() > 0.02


@pytest.mark.parametrize(
    ("turns", "scrub", "back", "place"),
    [(0.25, 0.0, False, 0.25), (1.25, 0.0, False, 0.25), (-0.25, 0.0, False, 0.75), (0.25, 0.5, False, 0.75),
     (0.25, -0.5, False, 0.75), (0.25, 0.0, True, 0.25), (1.25, 0.0, True, 0.75), (2.25, 0.0, True, 0.25)],
)  # fmt: skip
def test_where_a_clip_is(turns: float, scrub: float, back: bool, place: float) -> None:
    assert clip_place(turns, scrub, back) == pytest.approx(place)


@pytest.mark.parametrize("turns", [1.0, 2.0 - 1e-17, -1e-18, 1.0 + 1e-17])
def test_a_place_is_always_within_the_clip(turns: float) -> None:
    assert all(0.0 <= clip_place(turns, 0.0, back) < 1.0 for back in (True, False))


def numbers(params: Mapping[str, float], beats: np.ndarray, loops: bool = True) -> list[int]:
    made, found = generator(Numbered(100, loops), "clip"), []
    for beat in beats:
        picture = shown(made, Size(16, 9), float(beat), {"react": 0.0} | dict(params))
        found.append(round(float(np.interp(picture[4, 8, 0], srgb_to_linear(np.arange(256) / 255.0), np.arange(256)))))
    return found


def test_a_clip_begins_on_the_bar_line_and_takes_its_bars(gl: object) -> None:
    assert numbers({"bars": 2.0}, np.arange(0.0, 16.0, 2.0)) == [0, 25, 50, 75, 0, 25, 50, 75]
    assert numbers({"bars": 1.0}, np.arange(5.0, 9.0)) == [25, 50, 75, 0], "in the bar that runs, from its line"
    assert numbers({"bars": 4.0}, np.array([12.0, 16.0, 20.0, 24.0])) == [0, 25, 50, 75], "whichever bar that is"
    assert numbers({"bars": 1.0, "scrub": 0.5}, np.arange(0.0, 4.0)) == [50, 75, 0, 25]


def test_forth_and_back_where_it_does_not_loop(gl: object) -> None:
    beats = np.arange(0.0, 8.0)
    round_and_round, back = [0, 25, 50, 75] * 2, [0, 25, 50, 75, 99, 75, 50, 25]
    assert numbers({"bars": 1.0}, beats, loops=False) == back
    assert numbers({"bars": 1.0, "pingpong": 1.0}, beats) == back
    assert numbers({"bars": 1.0, "pingpong": 0.0}, beats, loops=False) == round_and_round


def test_only_the_codebook_end_of_through_is_all_codes(gl: object) -> None:
    book = Codebook(small_vqvae())
    made = generator(Still(smooth(Size(80, 45))), book=book)
    size = Size(64, 36)
    plain, half, all_codes = (shown(made, size, 0.0, STILL | {"through": t}) for t in (0.0, 0.5, 1.0))
    decoded = srgb_to_linear(made._through.picture.read()[..., :3])
    assert np.abs(all_codes - decoded).mean() < 0.02, "the picture of the decoder, as large as the screen"
    assert np.abs(all_codes - plain).mean() > 0.02
    away = np.abs(half - plain).max(axis=-1), np.abs(half - all_codes).max(axis=-1)
    assert min((part < 5e-3).mean() for part in away) > 0.05, "some cells are the picture, others codes"
    made.close()


def test_an_onset_changes_codes_and_they_come_back(gl: object) -> None:
    made = generator(Still(smooth(Size(80, 45))), book=Codebook(small_vqvae()))
    params = {"wander": 0.0, "through": 1.0, "mutate": 0.5, "bars": 32.0}
    size = Size(64, 36)
    before = shown(made, size, 0.0, params)
    struck = shown(made, size, 0.1, params, onset=1.0)
    after = shown(made, size, 2.0, params)
    assert np.abs(struck - before).mean() > 5 * np.abs(after - before).mean()
    made.close()


def test_what_a_take_stores_goes_through_json(gl: object) -> None:
    first, second = (generator(Numbered(100), "clip") for _ in range(2))
    shown(first, Size(16, 9), 6.0, {"bars": 4.0})
    second.resume(json.loads(json.dumps(first.memory())))
    later = [shown(made, Size(16, 9), 9.0, {"bars": 4.0}) for made in (first, second)]
    assert np.array_equal(*later)


def test_in_a_show_the_codebook_comes_at_its_own_rate_and_ends_with_the_deck(gl: object) -> None:
    book = Codebook(small_vqvae())
    made = generator(Numbered(100), "clip", book, live=True)
    params = STILL | {"through": 1.0, "bars": 32.0}
    first = shown(made, Size(64, 36), 0.0, params)
    assert until(lambda: np.abs(shown(made, Size(64, 36), 0.5, params) - first).mean() > 0.01), "the trial picture goes"
    made.close()
    made.close()
    assert until(lambda: book.decoder._session is None), "closed on its own thread"


def test_a_camera_is_for_shows_alone(gl: object) -> None:
    with pytest.raises(UserError, match="no past"):
        generator(Numbered(3), "camera")
    made = generator(Numbered(3), "camera", live=True)
    made.close()
    made.close()
