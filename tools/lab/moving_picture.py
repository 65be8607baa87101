"""The moving picture of the README: three scenes on a stretch of the demo track, with the sound drawn below them.

    python tools/lab/moving_picture.py docs/pictures/phosphene.webp

The columns below are the low, middle and high bands as the show hears them; the newest is at the right edge. Two minutes.
"""

from __future__ import annotations

import argparse
import tempfile
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image, ImageDraw

from phosphene.engine.app.offline import render
from phosphene.engine.app.render_job import RenderJob
from phosphene.engine.audio.prepared import prepare
from phosphene.engine.core.child import ignore_current_folder
from phosphene.engine.core.frame import Size
from phosphene.engine.core.terminal import print_anything, run
from phosphene.engine.show.change import Change

SIZE, FPS, START_S, SECONDS = Size(512, 288), 15, 71.0, 12.0
STRIP = 48  # px below the picture
BANDS = (("bass", (255, 92, 138)), ("mid", (255, 209, 102)), ("treble", (94, 234, 212)))
BACKGROUND = (12, 11, 18)
SHOWN_S = 6.0  # of the past
CHANGES = (("furnace", 0.0), ("vortex", 6.0), ("planet", 9.0))  # the drop comes after 4 s


def levels() -> np.ndarray:
    """Return how loud each band is at each frame from SHOWN_S before the first, float32 [frames, 3], 0..1."""
    source = prepare("demo", start=START_S - SHOWN_S, duration=SHOWN_S + SECONDS).source()
    found = np.zeros((round((SHOWN_S + SECONDS) * FPS), len(BANDS)), np.float32)
    for k in range(len(found)):
        records = source.records((k + 1) / FPS)
        if records:
            found[k] = [max(float(record[name]) for record in records) for name, _ in BANDS]
    source.close()
    return np.clip(found / np.maximum(np.percentile(found, 97, axis=0), 1e-6), 0.0, 1.0)


def with_sound(picture: Image.Image, heard: np.ndarray, frame: int) -> Image.Image:
    """Return the picture with the sound up to `frame` below it."""
    sheet = Image.new("RGB", (SIZE.width, SIZE.height + STRIP), BACKGROUND)
    sheet.paste(picture, (0, 0))
    draw, shown = ImageDraw.Draw(sheet), round(SHOWN_S * FPS)
    step = SIZE.width / shown
    for age in range(shown):
        right = SIZE.width - age * step
        low, middle, high = heard[shown + frame - age] * (STRIP - 10)
        top, bottom = SIZE.height + 5.0, SIZE.height + STRIP - 5.0
        for height, (_, colour) in sorted(zip((low, middle, high), BANDS, strict=True), reverse=True):
            faded = tuple(round(b + (c - b) * (1.0 - 0.75 * age / shown)) for c, b in zip(colour, BACKGROUND, strict=True))
            draw.rectangle((right - step + 1, max(top, bottom - height), right - 1, bottom), faded)
    return sheet


def main() -> None:
    """Render, draw, and write the animated WebP."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--quality", type=int, default=62, help="of the WebP, 0 to 100")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        film = Path(folder) / "film.mp4"
        script = tuple(Change("/scene", (slug,), at, "script") for slug, at in CHANGES[1:])
        render(
            RenderJob(
                Path("demo"), film, scene=CHANGES[0][0], size=SIZE, fps=Fraction(FPS), start=START_S, duration=SECONDS,
                crf=10, ssaa=2, script=script,
            )
        )  # fmt: skip
        with av.open(str(film)) as file:
            pictures = [frame.to_image() for frame in file.decode(video=0)]
    heard = levels()
    frames = [with_sound(picture, heard, k) for k, picture in enumerate(pictures)]
    more = {"save_all": True, "append_images": frames[1:], "duration": round(1000 / FPS), "loop": 0}
    frames[0].save(options.out, quality=options.quality, method=6, **more)
    print(f"{options.out}: {len(frames)} frames, {options.out.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    ignore_current_folder()
    print_anything()
    run("moving_picture", main)
