"""How much scenes and performers flash, without the guard, with it as in a show, and with it knowing the whole film.

    python tools/lab/bench_flashes.py [--iris PYTHON] [--only NAME] [--guard GUARD] [--keep DIR] [--made]

Every scene is rendered on kicks at 200 bpm and at 140 bpm, and on those with rolls in eighths and sixteenths; then come
the moves of a performer. Each film is counted by `vj flash`, and, where PYTHON is one that has `iris-pse-detection`, by
that: an analyser of other people's, after Electronic Arts' IRIS. `--made` counts rectangles that go on and off instead.
Prints a table: flashes in the worst second (luminance / red), and in brackets IRIS's frames that fail by luminance, by
red, and by its rule of four seconds. It does not say that a film is safe for everyone: see docs/flashes.md.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
import wave
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from phosphene.engine.app.offline import render
from phosphene.engine.app.render_job import GUARDS, RenderJob
from phosphene.engine.core.frame import Size
from phosphene.engine.library.catalogue import show_catalogue
from phosphene.engine.output.flash_check import check_film
from phosphene.engine.show.change import Change

RATE, SECONDS, FPS = 48_000, 12.0, Fraction(24)
_IRIS = """
import contextlib, io, logging, sys, tempfile
logging.disable(logging.CRITICAL)
from iris_pse_detection.configuration import Configuration
from iris_pse_detection.video_analyser import VideoAnalyser
config = Configuration()
config.results_path = tempfile.mkdtemp() + "/"
with contextlib.redirect_stdout(io.StringIO()):
    found = VideoAnalyser(config).analyse_video(source_video=sys.argv[1], output_json=False)
light, red = found.total_luminance_incidents, found.total_red_incidents
print(light.flash_fail_frames, red.flash_fail_frames, light.extended_fail_frames + red.extended_fail_frames)
"""


@dataclass(frozen=True)
class Case:
    """One film: a scene, the music, and what a performer does."""

    name: str
    scene: str
    music: str
    script: tuple[Change, ...] = ()


def cases() -> Iterator[Case]:
    """Yield every scene on both pieces, then the performer's moves on top of a scene."""
    for scene in show_catalogue().scenes:
        for music in MUSIC:
            yield Case(f"{scene}, {music}", scene, music)
    yield Case("master 0 1 0 1, 12 a second", "pulse", "kicks at 140 bpm", moves("/master", 12, 0.0, 1.0))
    yield Case("blackout pressed twice, 10 a second", "pulse", "kicks at 140 bpm", moves("/blackout", 20))
    strobe = moves("/deck/a/fx/strobe/amount", 12, 0.0, 1.0)
    yield Case("strobe amount 0 1 0 1, 12 a second", "pulse", "kicks at 140 bpm", strobe)
    bloom = (set_to("/deck/a/fx/bloom/threshold", 0.0), *moves("/deck/a/fx/bloom/amount", 14, 0.0, 1.0))
    yield Case("bloom 0 1 0 1, threshold 0", "pulse", "kicks at 140 bpm", bloom)
    cuts = (Change("/crossfade/kind", ("cut",), 0.0, "bench"), *moves("/crossfade", 14, 0.0, 1.0))
    yield Case("crossfade 0 1 0 1 as cuts", "duet", "kicks at 140 bpm", cuts)
    hue = (set_to("/deck/a/fx/grade/amount", 1.0), set_to("/deck/a/fx/grade/saturation", 3.0))
    yield Case(
        "hue 0 .45 0 .45, saturation 3", "furnace", "kicks at 140 bpm", (*hue, *moves("/deck/a/fx/grade/hue", 12, 0.0, 0.45))
    )
    yield Case("next scene, four times a second", "pulse", "kicks at 140 bpm", moves("/scene/next", 4))


def moves(path: str, hz: float, *values: float) -> tuple[Change, ...]:
    """Return messages to `path`, `hz` a second, whose values come round."""
    times = np.arange(0.5, SECONDS, 1.0 / hz)
    return tuple(
        Change(path, (values[i % len(values)],) if values else (), float(t), "bench", every=not values)
        for i, t in enumerate(times)
    )


def set_to(path: str, value: float) -> Change:
    return Change(path, (value,), 0.1, "bench")


def kicks(bpm: float, rolls: bool) -> np.ndarray:
    """Return kicks over a quiet tone, float32 [n]: on every beat; with rolls a bar of eighths and one of 16ths in four."""
    t = np.arange(int(SECONDS * RATE)) / RATE
    beat = t * bpm / 60.0
    bar = (beat // 4).astype(int)
    step = np.where(rolls & (bar % 4 == 1), 0.5, np.where(rolls & (bar % 4 == 3), 0.25, 1.0))
    since = (beat % step) * 60.0 / bpm
    sound = 0.8 * np.exp(-since / 0.06) * np.sin(2 * np.pi * (50 * since + 6.0 * (1.0 - np.exp(-since / 0.02))))
    return (sound + 0.03 * np.sin(2 * np.pi * 220 * t)).astype(np.float32)


MUSIC = {
    "kicks at 200 bpm": lambda: kicks(200.0, False),
    "kicks at 140 bpm": lambda: kicks(140.0, False),
    "kicks at 140 bpm with rolls": lambda: kicks(140.0, True),
}


def count(film: Path, iris: str | None) -> str:
    """Return `luminance / red` flashes in the worst second, and what IRIS says in brackets."""
    report = check_film(film)
    text = f"{report.flashes['luminance']:g} / {report.flashes['red']:g}{' **fails**' if report.fails else ''}"
    if iris is None:
        return text
    done = subprocess.run([iris, "-P", "-c", _IRIS, str(film.resolve())], capture_output=True, text=True, check=True)
    light, red, extended = done.stdout.split()
    return f"{text} [{light}, {red}, {extended}]"


def made_flashes(keep: Path) -> Iterator[tuple[str, Path]]:
    """Write films of a rectangle in the middle that goes on and off, 6 s each without loss; yield what and where."""
    for hz in (2.5, 3.0, 3.5, 4.0, 5.0):
        for area in (0.2, 0.3):
            for name, colour in (("white", (255, 255, 255)), ("red", (255, 0, 0))):
                path = keep / f"{hz:g} Hz, {area:.0%}, {name}.mkv"
                rows, columns = (round(n * area**0.5) for n in (180, 320))
                lit = np.zeros((180, 320, 3), np.uint8)
                lit[90 - rows // 2 :, 160 - columns // 2 :][:rows, :columns] = colour
                with av.open(str(path), "w") as film:
                    stream = film.add_stream("ffv1", rate=30)
                    stream.width, stream.height, stream.pix_fmt = 320, 180, "bgr0"
                    for k in range(180):
                        picture = lit if (k * hz / 30 + 1e-9) % 1.0 < 0.5 else np.zeros_like(lit)
                        film.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
                    film.mux(stream.encode())
                yield f"{hz:g} a second, {area:.0%} of the picture, {name}", path


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--iris", help="a Python that has iris-pse-detection")
    parser.add_argument("--only", default="", help="cases whose name holds this")
    parser.add_argument("--guard", choices=GUARDS, action="append", help="guards to measure, all unless told")
    parser.add_argument("--made", action="store_true", help="count flashes that are made for the purpose")
    parser.add_argument("--keep", type=Path, help="where the films are kept")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        keep = options.keep or Path(folder)
        keep.mkdir(parents=True, exist_ok=True)
        if options.made:
            print("| flashes | found |\n|---|---|")
            for name, film in made_flashes(keep):
                print(f"| {name} | {count(film, options.iris)} |", flush=True)
            return 0
        for name, made in MUSIC.items():
            _write_wave(keep / f"{name}.wav", made())
        guards = [guard for guard in reversed(GUARDS) if guard in (options.guard or GUARDS)]
        print("| film | " + " | ".join(f"guard {guard}" for guard in guards) + " |")
        print("|---|" + "---|" * len(guards))
        for case in cases():
            if options.only not in case.name:
                continue
            cells = []
            for guard in guards:
                out = keep / f"{case.name}, guard {guard}.mp4"
                music = keep / f"{case.music}.wav"
                size = Size(320, 180)
                render(
                    RenderJob(
                        music,
                        out,
                        scene=case.scene,
                        size=size,
                        fps=FPS,
                        preset="ultrafast",
                        crf=14,
                        guard=guard,
                        script=case.script,
                    )
                )
                cells.append(count(out, options.iris))
            print(f"| {case.name} | " + " | ".join(cells) + " |", flush=True)
    return 0


def _write_wave(path: Path, sound: np.ndarray) -> None:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes((np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes())


if __name__ == "__main__":
    raise SystemExit(main())
