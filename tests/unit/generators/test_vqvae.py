"""Loops of codes on stage: locked to the bar, blended over the seam, walked between, mutated at onsets."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from phosphene.engine.core.params import defaults
from phosphene.engine.generators.vqvae import VQVAE_PARAMS, VqvaeDrive, vqvae_sequence, vqvae_still
from phosphene.engine.models.style import Style, StyleMeta, load_style, write_style
from phosphene.engine.models.vqvae import VqvaeNetwork

SILENCE: dict[str, float] = {}
STRUCK = {"onset": 1.0}
NET = VqvaeNetwork(rows=3, columns=4, codes=16, dim=5, widths=(8, 8), blocks=1, loops=3, frames=8, beats=4)


def style(net: VqvaeNetwork = NET, **tensors: np.ndarray) -> Style:
    rng = np.random.default_rng(0)
    weights = {name: rng.standard_normal(shape).astype(np.float32) * 0.3 for name, shape in net.tensors.items()}
    weights["loops"] = rng.integers(0, net.codes, net.tensors["loops"]).astype(np.float32)
    meta = StyleMeta(version=1, name="Loops", kind="vqvae", seed=1, licence="CC0-1.0", network=net)
    return Style("loops", "Loops", "vqvae", net, weights | tensors, meta)


def z_at(drive: VqvaeDrive, beat: float, signals=SILENCE, dt: float = 1.0, **params: float) -> np.ndarray:
    drive.step(signals, beat, dt, defaults(VQVAE_PARAMS) | {"mutate": 0.0, "loop": 1.0} | params)
    return drive.inputs(0.0, 16 / 9)["z"]


def embedded(of: Style, loop: int, at: float) -> np.ndarray:
    """The cubic B-spline through a loop's embeddings, `at` frames into it: piece by piece."""
    found = np.zeros((of.spec.dim, of.spec.rows, of.spec.columns))
    for frame in range(math.floor(at) - 1, math.floor(at) + 3):
        x = abs(at - frame)
        weight = 2 / 3 - x**2 + x**3 / 2 if x < 1 else (2 - x) ** 3 / 6
        codes = of.weights["loops"][loop, frame % of.spec.frames].astype(int)
        found += weight * np.moveaxis(of.weights["codebook"][codes], -1, 0)
    return found


def test_a_loop_turns_once_in_its_beats_from_the_downbeat() -> None:
    made = style()
    for beat, frame in ((0.0, 0), (0.5, 1), (3.5, 7), (4.0, 0), (402.0, 4)):
        assert np.allclose(z_at(VqvaeDrive(made), beat), embedded(made, 0, frame), atol=1e-6), beat


def test_between_frames_embeddings_are_blended_over_the_seam_too() -> None:
    made = style()
    for beat, at in ((0.125, 0.25), (3.625, 7.25)):
        assert np.allclose(z_at(VqvaeDrive(made), beat), embedded(made, 0, at), atol=1e-5)
    still = style()
    still.weights["loops"][:] = still.weights["loops"][:, :1]
    codes = still.weights["loops"][0, 0].astype(int)
    here = np.moveaxis(still.weights["codebook"][codes], -1, 0)
    assert np.allclose(z_at(VqvaeDrive(still), 0.7), here, atol=1e-6), "what rests is exactly its codes"


def test_what_is_ahead_is_what_comes() -> None:
    made = style()
    drive, later = VqvaeDrive(made), VqvaeDrive(made)
    z_at(drive, 1.0)
    z_at(drive, 1.5, dt=0.25)  # two beats a second
    ahead = drive.inputs(0.125, 1.0)["z"]
    z_at(later, 1.0)
    assert np.allclose(ahead, z_at(later, 1.75), atol=1e-6)


def test_twice_the_speed_is_twice_the_way() -> None:
    made = style()
    drive = VqvaeDrive(made)
    z_at(drive, 0.0, speed=2.0)
    assert np.allclose(z_at(drive, 1.0, speed=2.0), embedded(made, 0, 4), atol=1e-6)


def test_the_walk_visits_every_loop_and_melts_from_one_to_the_next() -> None:
    made = style()
    order = [int(k) for k in VqvaeDrive(made)._order]
    walked = {"loop": 0.0, "bars": 1.0}
    assert sorted(order) == [0, 1, 2]
    for n in range(4):
        assert np.allclose(z_at(VqvaeDrive(made), 4.0 * n, **walked), embedded(made, order[n % 3], 0), atol=1e-6)
    beat = 4.0 - 4.0 * 0.35 / 2  # half of the change
    at = beat / 4.0 * 8 % 8
    a, b = (embedded(made, k, at) for k in order[:2])
    all_at_once = z_at(VqvaeDrive(made), beat, melt=1.0, **walked)
    place_by_place = z_at(VqvaeDrive(made), beat, melt=0.0, **walked)
    taken = np.isclose(place_by_place, b, atol=1e-5).all(0)
    kept = np.isclose(place_by_place, a, atol=1e-5).all(0)
    assert (taken | kept).all()
    assert taken.sum() == kept.sum() == 6, "half of the places"
    between = ~np.isclose(all_at_once, a, atol=1e-5).all(0) & ~np.isclose(all_at_once, b, atol=1e-5).all(0)
    assert between.mean() > 0.8


def played(drive: VqvaeDrive, bpms: list[float], dt: float = 1 / 30, **params: float) -> list[float]:
    """Step a frame at each tempo; return the beat of the loop after each."""
    beats, beat = [], drive._beat
    for bpm in bpms:
        z_at(drive, beat := beat + bpm / 60 * dt, dt=dt, **params)
        beats.append(drive.place()[1])
    return beats


def test_a_loop_keeps_the_tempo_when_it_changes() -> None:
    made = style()
    drive = VqvaeDrive(made)
    z_at(drive, 0.0)
    bpms = [120.0] * 45 + [174.0] * 45 + [90.0] * 30
    assert played(drive, bpms) == pytest.approx(np.cumsum(bpms) / 60 / 30)
    assert drive.place(0.5)[1] == pytest.approx(drive.place()[1] + 0.5 * 90 / 60), "ahead is at the tempo that is now"
    beat = drive.place()[1]
    frame = beat / 4 % 1 * 8
    assert np.allclose(drive.inputs(0.0, 1.0)["z"], embedded(made, 0, frame), atol=1e-5)


@pytest.mark.parametrize("speed", [0.0, 0.5, 2.0])
def test_a_speed_scales_the_tempo_and_a_change_of_it_does_not_jump(speed: float) -> None:
    drive = VqvaeDrive(style())
    z_at(drive, 0.0)
    bpms = [120.0] * 30 + [150.0] * 30
    before = played(drive, bpms)[-1]
    after = played(drive, bpms, speed=speed)
    assert np.diff([before, *after]) == pytest.approx(speed * np.array(bpms) / 60 / 30, abs=1e-9)
    again = played(drive, bpms)
    assert np.diff([after[-1], *again]) == pytest.approx(np.array(bpms) / 60 / 30), "and comes back without a jump"


@pytest.mark.parametrize("speed", [0.7, 1.0, 2.0])
def test_a_take_goes_on_where_it_stood(speed: float) -> None:
    import json

    made = style()
    whole, resumed = VqvaeDrive(made), VqvaeDrive(made)

    def frames(drive: VqvaeDrive, numbers: range) -> list[np.ndarray]:
        # A strike rings over the cut, the tempo changes there and the speed is not 1.
        return [
            z_at(drive, 2.0 * k / 30 + max(0, k - 40) / 30, {"onset": 1.0 if k in (3, 36) else 0.2}, 1 / 30,
                 speed=speed, mutate=0.6, loop=0.0, bars=1.0)
            for k in numbers
        ]  # fmt: skip

    frames(whole, range(40))
    resumed.resume(json.loads(json.dumps(whole.memory())))
    went_on = frames(whole, range(40, 80))
    assert all(np.array_equal(a, b) for a, b in zip(went_on, frames(resumed, range(40, 80)), strict=True))
    fresh = VqvaeDrive(made)
    assert not np.array_equal(went_on[0], frames(fresh, range(40, 41))[0]), "what it remembers matters"


def test_a_strike_is_one_hit_that_melts_back_within_a_beat() -> None:
    made = style()
    drive, quiet = VqvaeDrive(made), VqvaeDrive(made)
    far = []
    for k in range(60):
        ring = math.exp(-max(0, k - 20) / 4) if k >= 20 else 0.0
        z = z_at(drive, k / 30, {"onset": ring}, 1 / 30, mutate=0.5)
        far.append(float(np.abs(z - z_at(quiet, k / 30, dt=1 / 30, mutate=0.5)).mean()))
    assert max(far[:20]) == 0.0
    assert int(np.argmax(far)) in (20, 21)
    assert all(b <= a + 0.02 for a, b in itertools.pairwise(far[20:])), "no second hit while it rings"
    assert max(far[50:]) == 0.0
    assert drive.memory()["strike"][0] == 1


def test_a_strike_that_the_tempo_takes_back_is_gone() -> None:
    made = style()
    drive = VqvaeDrive(made)
    z_at(drive, 8.0, STRUCK, mutate=1.0)
    assert np.allclose(z_at(drive, 4.0, SILENCE, mutate=1.0), embedded(made, 0, 0), atol=1e-6)


@pytest.mark.parametrize("share", [0.25, 1.0])
def test_an_onset_gives_a_share_of_places_to_another_loop(share: float) -> None:
    made = style()
    plain = z_at(VqvaeDrive(made), 1.0)
    mutated = z_at(VqvaeDrive(made), 1.0, STRUCK, mutate=share)
    changed = ~np.isclose(plain, mutated, atol=1e-6).all(0)
    assert 0 < changed.sum() <= round(share * 12)
    others = [embedded(made, k, 2) for k in (1, 2)]
    assert any(np.allclose(mutated[:, changed], other[:, changed], atol=1e-6) for other in others)
    assert np.array_equal(mutated, z_at(VqvaeDrive(made), 1.0, STRUCK, mutate=share)), "seeded"
    assert np.array_equal(plain, z_at(VqvaeDrive(made), 1.0, SILENCE, mutate=share)), "in silence nothing mutates"


def test_codes_that_the_codebook_lacks_do_not_stop_a_frame() -> None:
    made = style(loops=np.full(NET.tensors["loops"], 255.0, np.float32))
    assert np.allclose(z_at(VqvaeDrive(made), 0.0), made.weights["codebook"][15][:, None, None])


def test_a_style_survives_its_folder_in_half_precision_and_bytes(tmp_path) -> None:
    made = style()
    tensors = {name: array.astype(np.float16) for name, array in made.weights.items()}
    tensors["loops"] = made.weights["loops"].astype(np.uint8)
    write_style(tmp_path / "loops", made.meta, tensors)
    found = load_style(tmp_path / "loops")
    assert found.spec == NET
    assert np.array_equal(found.weights["loops"], made.weights["loops"])
    assert found.weights["codebook"] == pytest.approx(made.weights["codebook"], abs=1e-3)


def test_pictures_without_a_show_move_with_the_beat_and_repeat() -> None:
    from phosphene.engine.core.frame import Size

    made = style()
    size = Size(32, 18)
    still = vqvae_still(made, size, 1.0, SILENCE)
    assert still.shape == (18, 32, 3)
    frames = list(vqvae_sequence(made, size, [{"onset": 0.0}] * 4, 0.25, 1.0, 1.0))
    assert np.abs(frames[1] - frames[0]).mean() > 1e-3
    again = list(vqvae_sequence(made, size, [{"onset": 0.0}] * 4, 0.25, 1.0, 1.0))
    assert all(np.array_equal(a, b) for a, b in zip(frames, again, strict=True))
