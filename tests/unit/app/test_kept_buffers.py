"""Shaders that keep buffers, in takes: a rerender goes on from what they had, and is the same to the last bit each time."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from phosphene.engine.app.rerender import RerenderJob, rerender
from phosphene.engine.app.take_log import read_take
from phosphene.engine.backends.isf_judge import Verdict
from phosphene.engine.backends.isf_trial import remember
from phosphene.engine.models.isf import read_isf
from phosphene.engine.output.framehash import read_hashes
from tests.unit.app.taken import FRAMES, MISSED, RECORDED_FROM, Script, Seen, make_take
from tests.unit.app.test_rerender import frames_in

pytestmark = pytest.mark.gl

# Grows from its own past and from FRAMEINDEX: what begins anew looks like nothing that went on.
GROWS = """/*{"INPUTS": [{"NAME": "seed", "TYPE": "event"}],
"PASSES": [{"TARGET": "soup", "PERSISTENT": true, "FLOAT": true, "WIDTH": "$WIDTH / 2", "HEIGHT": "$HEIGHT / 2"}, {}]}*/
void main() {
    vec2 p = isf_FragNormCoord;
    if (PASSINDEX == 0) {
        vec4 before = IMG_NORM_PIXEL(soup, fract(p * 1.01 + vec2(0.013, 0.007)));
        float ring = smoothstep(0.06, 0.0, abs(length(p - 0.5 - 0.3 * vec2(sin(TIME * 3.0), cos(TIME * 2.0))) - 0.1));
        gl_FragColor = vec4(fract(before.rgb * 0.97 + ring * vec3(0.3, 0.11, float(FRAMEINDEX % 7) * 0.05)), 1.0);
        if (seed) gl_FragColor.rgb = 1.0 - gl_FragColor.rgb;
        return;
    }
    gl_FragColor = vec4(IMG_THIS_PIXEL(soup).rgb, 1.0);
}"""
SMEARS = """/*{"INPUTS": [{"NAME": "inputImage", "TYPE": "image"}], "PASSES": [{"TARGET": "past", "PERSISTENT": true}]}*/
void main() {
    vec3 before = IMG_NORM_PIXEL(past, isf_FragNormCoord + vec2(0.01, 0.0)).rgb;
    gl_FragColor = vec4(mix(IMG_THIS_PIXEL(inputImage).rgb, before, 0.85), 1.0);
}"""
SCRIPT: Script = {
    0: (("/deck/a/style", ("shader:grows",)),),
    4: (("/deck/a/fx/shader-smears/amount", (0.6,)),),
    20: (("/deck/a/shader1", (1.0,)),),  # held from before the take to its middle: it has fired
    50: (("/deck/b/style", ("shader:grows",)),),
    56: (("/crossfade/to", ("b", 1.0)),),
    70: (("/deck/a/shader1", (0.0,)),),
    RECORDED_FROM - 1: (("/record", (1,)),),
}


@pytest.fixture(scope="module")
def shaders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("shaders")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PHOSPHENE_SHADERS", str(folder))
        patch.setenv("PHOSPHENE_CACHE", str(folder / "cache"))
        for name, text in (("grows", GROWS), ("smears", SMEARS)):
            (folder / f"{name}.fs").write_text(text)
            remember(read_isf(folder / f"{name}.fs"), Verdict(True), "some renderer")
        yield folder


Taken = tuple[Path, dict[int, Seen]]


@pytest.fixture(scope="module")
def taken(shaders: Path, tmp_path_factory: pytest.TempPathFactory) -> Taken:
    return make_take(tmp_path_factory.mktemp("takes"), SCRIPT, missed=())


def off(take: Path, seen: dict[int, Seen], folder: Path) -> list[float]:
    """Return how far each picture of a rerender is from the recorded one, in levels of 255."""
    rerender(RerenderJob(take, folder / "frames", codec="png", signals="log", compare=False))
    found = frames_in(folder / "frames")
    assert len(found) >= FRAMES - RECORDED_FROM
    return [float(np.abs(found[k].astype(int) - each.picture[..., :3]).mean()) for k, each in sorted(seen.items())]


def test_every_picture_is_the_recorded_one(taken: Taken, tmp_path: Path) -> None:
    """From the take's first frame on, which is in mid-show, over changes of the internal size and a second shader."""
    take, seen = taken
    assert np.std([each.picture[..., :3].mean() for each in seen.values()]) > 1.0
    assert max(off(take, seen, tmp_path)) < 0.5


def test_slots_that_were_missed_put_no_step_into_the_buffers(shaders: Path, tmp_path: Path) -> None:
    """The pictures in between are painted, of what the buffers had, and the next one of the show goes on from there."""
    take, seen = make_take(tmp_path / "takes", SCRIPT, missed=MISSED)
    assert max(off(take, seen, tmp_path)) < 1.0  # 6 where they step in between as well; times are then off in the last bits


def test_three_times_the_rate_has_the_recorded_pictures_in_the_middle(taken: Taken, tmp_path: Path) -> None:
    take, seen = taken
    rerender(RerenderJob(take, tmp_path / "frames", fps=Fraction(72), codec="png", compare=False))
    found = frames_in(tmp_path / "frames")
    near = [np.abs(found[3 * k + 1].astype(int) - seen[k].picture[..., :3]).mean() for k in range(5, 90, 6)]
    null = [np.abs(found[3 * k + 1].astype(int) - seen[k + 1].picture[..., :3]).mean() for k in range(5, 90, 6)]
    assert max(near) < 3.0 < np.median(null), "what a frame heard holds back to the frame before"


def test_the_same_again_to_the_last_bit(taken: Taken, tmp_path: Path) -> None:
    job = RerenderJob(taken[0], tmp_path / "one.mp4", compare=False)
    first, second = rerender(job), rerender(dataclasses.replace(job, out=tmp_path / "two.mp4"))
    assert read_hashes(first.hashes) == read_hashes(second.hashes)
    assert first.video_sha256 == second.video_sha256


def test_without_what_was_kept_it_begins_anew_and_says_so(taken: Taken, tmp_path: Path) -> None:
    take = Path(shutil.copytree(taken[0], tmp_path / "take"))
    assert sorted(path.name for path in take.glob("kept-*")) == ["kept-a-0.raw", "kept-a-1.raw"]
    (take / "kept-a-0.raw").unlink()
    assert any("begin anew" in note for note in read_take(take).notes)
    assert max(off(take, taken[1], tmp_path)) > 10.0


@pytest.mark.parametrize(
    "told",
    [
        {"of": "", "name": "soup", "format": "rgba32f", "height": 4096, "width": 4096},
        {"of": "", "name": "soup", "format": "rgba32f", "height": 3, "width": 5},
        {"of": "no-effect", "name": "x", "format": "rgba8", "height": 1, "width": 1},
    ],
)
def test_a_strangers_numbers_take_no_memory(taken: Taken, tmp_path: Path, told: dict[str, object]) -> None:
    take = Path(shutil.copytree(taken[0], tmp_path / "take"))
    lines = (take / "events.jsonl").read_text().splitlines()
    start = json.loads(lines[0])
    start["decks"]["a"]["kept"] = [told]
    (take / "events.jsonl").write_text("\n".join([json.dumps(start), *lines[1:]]) + "\n")
    assert any("begin anew" in note for note in read_take(take).notes)
