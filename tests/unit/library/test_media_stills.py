"""Stills of pictures and clips: made beside the show, none of what is broken, and each once while its file stays."""

from __future__ import annotations

import subprocess
from io import BytesIO
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from phosphene.engine.core import clock
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.paths import cache_dir
from phosphene.engine.library import media_stills
from phosphene.engine.library.media_still_worker import SIZE, still_of
from phosphene.engine.library.media_stills import MediaStills


@pytest.fixture(autouse=True)
def media(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "media"
    folder.mkdir()
    monkeypatch.setenv("PHOSPHENE_MEDIA", str(folder))
    monkeypatch.setenv("PHOSPHENE_CACHE", str(tmp_path / "cache"))
    return folder


def film(path: Path, pictures: int, size: tuple[int, int] = (64, 48)) -> Path:
    """Write a clip: black for a third of it, then red."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=24)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for k in range(pictures):
            picture = np.zeros((size[1], size[0], 3), np.uint8)
            if k > pictures // 3:
                picture[:, ::2, 0] = 250
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return path


def wait_for(stills: MediaStills, slug: str) -> Path | None:
    give_up = clock.now() + 90.0
    while True:
        found = stills.still(slug)
        if found is not None or stills._thread is None:
            return found
        assert clock.now() < give_up
        clock.sleep(0.02)


def opened(path: Path | None) -> np.ndarray:
    assert path is not None
    with Image.open(path) as image:
        assert image.format == "WEBP"
        return np.asarray(image.convert("RGB"), float)


def test_a_picture_and_a_clip_have_stills_that_show_them(media: Path) -> None:
    Image.fromarray(np.full((900, 300, 3), (10, 200, 30), np.uint8)).save(media / "tall.png")
    film(media / "loop.mp4", 90)
    stills = MediaStills()
    assert stills.still("image:tall.png") is None, "nobody waits for it"
    tall = opened(wait_for(stills, "image:tall.png"))
    assert tall.shape == (SIZE[1], SIZE[0], 3)
    assert np.abs(tall.mean((0, 1)) - (10, 200, 30)).max() < 6.0
    loop = opened(wait_for(stills, "clip:loop.mp4"))
    assert loop[..., 0].mean() > 60.0, "its beginning is black, and is passed over"
    assert loop[..., 2].mean() < 40.0


def test_a_large_picture_is_read_within_the_limit_and_a_too_large_one_is_refused(media: Path) -> None:
    Image.new("RGB", (7680, 4320), (40, 80, 160)).save(media / "8k.jpg", quality=60)
    with Image.open(BytesIO(still_of("image", media / "8k.jpg"))) as image:
        assert image.size == SIZE
    Image.new("1", (20_000, 10_000)).save(media / "huge.png")
    with pytest.raises(UserError, match="too large"):
        still_of("image", media / "huge.png")


def test_what_cannot_be_read_has_none_and_is_tried_once(media: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (media / "broken.mp4").write_bytes(film(media / "whole.mp4", 48).read_bytes()[:300])
    (media / "sound.mp4").write_bytes(b"RIFF" + bytes(64))
    (media / "none.png").write_bytes(b"no picture")
    runs: list[str] = []
    popen = subprocess.Popen
    monkeypatch.setattr(media_stills.subprocess, "Popen", lambda *a, **k: (runs.append(a[0][-1]), popen(*a, **k))[1])
    stills = MediaStills()
    for slug in ("clip:broken.mp4", "clip:sound.mp4", "image:none.png"):
        assert wait_for(stills, slug) is None
        assert wait_for(stills, slug) is None
    assert len(runs) == 3
    Image.new("RGB", (32, 18), (200, 0, 0)).save(media / "none.png")
    assert wait_for(stills, "image:none.png") is not None, "another file of that name is another one"


def test_a_file_that_takes_too_long_is_given_up(media: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.new("RGB", (32, 18)).save(media / "slow.png")
    monkeypatch.setattr(media_stills, "LIMIT_S", 0.01)
    assert wait_for(MediaStills(), "image:slow.png") is None


def test_one_content_is_one_still_and_another_desk_finds_it(media: Path) -> None:
    for name in ("a.png", "b.png"):
        Image.new("RGB", (32, 18), (0, 90, 200)).save(media / name)
    found = {wait_for(MediaStills(), f"image:{name}") for name in ("a.png", "b.png")}
    assert len(found) == 1
    assert len(list((cache_dir() / "media").iterdir())) == 1


def test_cameras_and_files_that_are_gone_have_none_and_start_nothing(media: Path) -> None:
    stills = MediaStills()
    assert stills.still("camera:0") is None
    assert stills.still("image:gone.png") is None
    assert stills._thread is None


def test_pages_that_ask_for_thousands_fill_no_memory(media: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media_stills, "_made", lambda kind, file: clock.sleep(0.05))
    stills = MediaStills()
    for k in range(200):
        (media / f"{k}.png").write_bytes(b"x")
        stills.still(f"image:{k}.png")
        assert len(stills._waiting) <= media_stills.MOST_WAITING
