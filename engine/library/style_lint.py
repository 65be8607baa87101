"""What is wrong with a style that loads: files, previews, liveliness, mud, flicker, and scores that do not beat their nulls.

Called by `vj styles lint` and by tests over the shipped library. Paints small pictures on the CPU; writes nothing.
"""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np

from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Size
from phosphene.engine.core.media import open_media
from phosphene.engine.core.pictures import read_image
from phosphene.engine.generators.still import preview_still, sequence, still
from phosphene.engine.library.previews import to_bytes
from phosphene.engine.models.colour import oklab
from phosphene.engine.models.style import Style, in_library

BUNDLE_LIMIT = 300_000  # bytes without the video, up to a CPPN 128 wide
BUNDLE_PARAMETERS = 51_587  # of that; larger networks may have more in proportion
MOST_BYTES = 12_000_000  # of any style that is shipped
_SMALL = Size(64, 36)
_AGAIN = "run vj styles preview"

# Mud: few lightness steps and hardly a colour. OKLab; over the library as first shipped the 5..95 % range of lightness is
# at least 0.43 and the 90th percentile of chroma at least 0.11, but for one style in black and white (0.024, range 0.76).
# Above 0.7 mean lightness a pale picture is a pastel, not mud.
_MUD_RANGE, _MUD_CHROMA, _MUD_LIGHT = 0.25, 0.08, 0.7
# Mean |second difference| of sRGB over 24 fps frames while the sound is held, so that only time moves. A pixel that
# alternates by a tenth of full scale (the step that photosensitivity guidelines call a flash) makes 0.2: the limit is 5 %
# of the picture doing so. The library as first shipped lies between 0.0001 and 0.0003.
_FLICKER = 0.01


def faults_of(style: Style, folder: Path) -> list[str]:
    """Return everything that must be mended, one line each; empty when the style is fit for a stage."""
    picture = preview_still(style)
    return [
        *_of_files(style, folder, picture),
        *_of_picture(picture),
        *_of_motion(style),
        *(_of_training(style, folder) if style.meta.trained else ()),
    ]


def warnings_of(style: Style) -> list[str]:
    """Return what a person should know of a sound trained style: it is taken for others, or luck does as well."""
    found, scores = [], style.meta.scores
    if not style.meta.guide:
        return found
    if "rank" not in scores:
        found.append("never compared with the library: no rank")
    elif scores["rank"] != 1:
        found.append(f"the judge puts its own prompt at place {scores['rank']:g} of the library's, not 1")
    if "judge" in scores and scores["judge"] <= scores.get("judge_random", -np.inf):
        found.append(f"judge {scores['judge']:.3f} is not above the best of random networks, {scores['judge_random']:.3f}")
    return found


def _of_files(style: Style, folder: Path, picture: np.ndarray) -> list[str]:
    found = []
    path = folder / "preview.png"
    if not path.is_file():
        found.append(f"no preview.png: {_AGAIN}")
    elif (shown := _still_of(path, picture.shape)) is None:
        found.append(f"preview.png cannot be decoded: {_AGAIN}")
    else:
        fresh = to_bytes(picture).astype(np.int16)
        if shown.shape != fresh.shape or np.abs(shown - fresh).max() > 1:
            found.append(f"preview.png is not what the network paints: {_AGAIN}")
    if not (folder / "preview.mp4").is_file():
        found.append(f"no preview.mp4: {_AGAIN}")
    elif _frames_of(folder / "preview.mp4") < 2:
        found.append(f"preview.mp4 cannot be decoded: {_AGAIN}")
    if not style.palette:
        found.append(f"no palette: {_AGAIN}")
    size = sum(p.stat().st_size for p in folder.iterdir() if p.is_file() and p.name != "preview.mp4")
    limit = min(MOST_BYTES, round(BUNDLE_LIMIT * max(1.0, style.spec.parameters / BUNDLE_PARAMETERS)))
    if size > limit:
        found.append(f"{size // 1000} KB without the video, more than {limit // 1000}")
    return found


def _of_picture(picture: np.ndarray) -> list[str]:
    if picture.std() < 0.02:
        return ["the preview is a flat colour"]
    lab = oklab(picture)
    low, high = np.percentile(lab[..., 0], (5, 95))
    chroma = float(np.percentile(np.hypot(lab[..., 1], lab[..., 2]), 90))
    if high - low < _MUD_RANGE and chroma < _MUD_CHROMA and lab[..., 0].mean() < _MUD_LIGHT:
        return [f"the preview is mud: lightness range {high - low:.2f}, chroma {chroma:.2f}"]
    return []


def _of_motion(style: Style) -> list[str]:
    found = []
    time, signals = style.meta.preview.time, dict(style.meta.preview.signals)
    base = still(style, _SMALL, time, signals).copy()
    # Not 4 s: a loop of eight beats is then where it was.
    if np.abs(still(style, _SMALL, time + 3.3, signals) - base).mean() < 0.004:
        found.append("nothing moves in 3.3 s")
    kick = signals | {"bass": 1.0, "onset": 1.0, "beat": 1.0, "rms": 1.0}
    if np.abs(still(style, _SMALL, time, kick) - base).mean() < 0.004:
        found.append("a kick changes nothing")
    frames = np.stack(list(sequence(style, _SMALL, [signals] * 48, 1.0 / 24.0)))
    # A loop moves as what it was made of did, up to 0.16 in the sketches: of loops only what turns back counts.
    flicker = turning_back(frames) if style.kind == "vqvae" else float(np.abs(np.diff(frames, 2, axis=0)).mean())
    if flicker > _FLICKER:
        found.append(f"it flickers while the sound is held: {flicker:.3f}, more than {_FLICKER:g}")
    return found


def turning_back(frames: np.ndarray) -> float:
    """Return the part of the mean |second difference| in time that movement in one direction has no share in.

    frames: [n, h, w, 3]. What alternates has all of it, a straight or an accelerated movement nothing.
    """
    steps = np.diff(frames, axis=0)
    before, after = steps[:-1], steps[1:]
    back = 2.0 * np.minimum(np.abs(before), np.abs(after))
    return float(np.where(before * after < 0.0, back, 0.0).mean())


def _of_training(style: Style, folder: Path) -> list[str]:
    found, scores = [], style.meta.scores
    nulls = [("reactivity", "reactivity_null", "shuffled")]
    if style.kind == "cppn":
        nulls.append(("judge", "judge_untrained", "untrained"))
    for name, null, said in nulls:
        if name not in scores or null not in scores:
            found.append(f"trained, but no score {name} beside {null}")
        elif not scores[name] > scores[null]:
            found.append(f"{name} {scores[name]:.3f} is not above {said}, {scores[null]:.3f}")
    if style.kind == "gan" and not scores.get("kid", np.inf) < scores.get("kid_untrained", np.inf):
        found.append("no score kid below kid_untrained")
    if in_library(folder):  # a run's own style is not shipped, and need not be sorted
        meta = style.meta
        missing = [key for key in ("genres", "tags") if not getattr(meta, key)]
        missing += [] if "energy" in meta.model_fields_set else ["energy"]
        if missing:
            found.append(f"style.toml does not say {', '.join(missing)}")
    return found


def _still_of(path: Path, shape: tuple[int, ...]) -> np.ndarray | None:
    """Return the pixels of a picture; none of one that has another size than `shape`, which may be gigabytes."""
    try:
        picture = read_image(path)
        if (picture.height, picture.width) != shape[:2]:
            return np.zeros((0, 0, 3), np.int16)
        return np.asarray(picture.convert("RGB"), np.int16)
    except UserError:
        return None


def _frames_of(path: Path) -> int:
    """Return how many pictures a film has, counted up to two."""
    import av

    try:
        with open_media(path) as video:
            return sum(1 for _ in islice(video.decode(video=0), 2))
    except (UserError, av.FFmpegError, OSError, IndexError):
        return 0
