"""Stills of shaders: painted once by the trial, kept by content, and shown on the desk."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from phosphene.engine.backends.isf_judge import Verdict
from phosphene.engine.backends.isf_still import STILL_SIZE, paint_still, still_of
from phosphene.engine.backends.isf_trial import still_place, try_shaders
from phosphene.engine.core.paths import PACKAGE
from phosphene.engine.models.isf import Isf, read_isf
from phosphene.engine.models.shaders import files_in

pytestmark = pytest.mark.gl
RED_BELOW = "void main() { gl_FragColor = vec4(isf_FragNormCoord.y < 0.5 ? 1.0 : 0.0, 0.0, 0.0, 1.0); }"
GROWS = "void main() { gl_FragColor = vec4(IMG_THIS_PIXEL(kept).rgb + 0.05, 1.0); }"
KEPT = {"PASSES": [{"TARGET": "kept", "PERSISTENT": True, "FLOAT": True}]}


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHOSPHENE_CACHE", str(tmp_path / "cache"))


def write(folder: Path, body: str, name: str = "one", **header: object) -> Isf:
    path = folder / f"{name}.fs"
    path.write_text(f"/*{json.dumps({'INPUTS': []} | header)}*/\n{body}")
    return read_isf(path)


def shown(path: Path | None) -> np.ndarray:
    assert path is not None
    with Image.open(path) as picture:
        assert picture.size == (STILL_SIZE.width, STILL_SIZE.height)
        return np.asarray(picture.convert("RGB"), float)


def test_ours_have_one_each_made_with_music() -> None:
    for path in files_in(PACKAGE / "shaders"):
        isf = read_isf(path)
        if isf.kind != "generator":
            continue
        found = still_of(isf)
        assert found == PACKAGE / "shaders" / "stills" / f"{path.stem}.webp"
        assert found.stat().st_size < 40_000
        assert shown(found).std() > 20.0


def test_a_trial_paints_it_once_and_the_right_way_up(tmp_path: Path) -> None:
    isf = write(tmp_path, RED_BELOW)
    assert still_of(isf) is None
    ((_, verdict, _),) = try_shaders([isf.path], thorough=False)
    assert verdict.ok
    picture = shown(still_of(isf))
    assert picture[150, :, 0].mean() > 200.0 > 50.0 > picture[30, :, 0].mean()
    stamp = still_place(isf).stat().st_mtime_ns
    list(try_shaders([isf.path], thorough=False))
    assert still_place(isf).stat().st_mtime_ns == stamp
    assert still_of(write(tmp_path, RED_BELOW + "// changed")) is None, "of another content"


def test_one_that_keeps_buffers_has_grown(gl: object, tmp_path: Path) -> None:
    isf = write(tmp_path, GROWS, **KEPT)
    still = paint_still(isf, Verdict(True))
    assert still is not None
    still_place(isf).parent.mkdir(parents=True)
    still_place(isf).write_bytes(still)
    assert shown(still_of(isf)).min() > 250.0


def test_slow_ones_and_other_kinds_have_none(gl: object, tmp_path: Path) -> None:
    assert paint_still(write(tmp_path, RED_BELOW), Verdict(True, ms=100.0)) is None
    effect = write(tmp_path, RED_BELOW, "two", INPUTS=[{"NAME": "inputImage", "TYPE": "image"}])
    assert paint_still(effect, Verdict(True)) is None
