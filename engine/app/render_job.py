"""What an offline render is asked for: plain data, checked before anything is opened, the same for `vj render` and albums.

Made by the command line and by `tools/render_album.py`, which sends it to its workers as JSON.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from phosphene.engine.app.options import parse_size
from phosphene.engine.compositor.export_pass import ALPHAS, MAX_SSAA, Export
from phosphene.engine.core.errors import UserError, did_you_mean, listed
from phosphene.engine.core.frame import Size
from phosphene.engine.core.naming import COMPANIONS, beside, refuse_inputs
from phosphene.engine.core.params import within
from phosphene.engine.library.catalogue import show_catalogue
from phosphene.engine.models.latent import Walk
from phosphene.engine.models.media import names_book
from phosphene.engine.models.style import MAX_SEED, load_style
from phosphene.engine.output.movie import check_place
from phosphene.engine.output.movie_spec import SEQUENCES, MovieSpec, check, place_of
from phosphene.engine.show.change import Change
from phosphene.engine.show.scene import Scene, load_scene, scene_path

RESOLUTIONS = {
    "360p": Size(640, 360),
    "480p": Size(854, 480),
    "540p": Size(960, 540),
    "720p": Size(1280, 720),
    "1080p": Size(1920, 1080),
    "1440p": Size(2560, 1440),
    "4k": Size(3840, 2160),
}
# The first networks' videos used 0.10 and recommended 0.08 to 0.12 of an input's range; a style's own scale is that.
NEUTRAL_AUDIO_SCALE = 0.10
AUDIO_SCALES = (0.0, 0.20)
# Knowing the whole film, the weakest of too many flashes are softened; as in a show, what comes after the third; or none.
GUARDS = ("two-way", "causal", "off")


@dataclass(frozen=True)
class RenderJob:
    """One film. start, duration: s of the audio file. style, scene: at least one; both: the style on the scene's deck a.

    script: control changes, `t` in s of the film. walk: how latents move; None: with each style's own time. codec, crf,
    preset: see `output.movie`. alpha: see `compositor.export_pass`. frames_dir: where every frame also goes, as PNG. pulse:
    how strongly kicks push a style that comes without a scene, 0..1. guard: how flashes are held
    back, one of `GUARDS`.
    """

    audio: Path
    out: Path
    style: str | None = None
    scene: str | None = None
    size: Size = RESOLUTIONS["720p"]
    fps: Fraction = Fraction(30)
    codec: str = "h264"
    crf: int = 18
    preset: str = "medium"
    alpha: str = "none"
    ssaa: int = 1
    sound: bool = True
    audio_scale: float = NEUTRAL_AUDIO_SCALE
    start: float = 0.0
    duration: float | None = None
    seed: int = 0
    walk: Walk | None = None
    backend: str = "auto"
    frames_dir: Path | None = None
    pulse: float = 0.5
    guard: str = "two-way"
    script: tuple[Change, ...] = field(default=(), repr=False)

    @property
    def movie(self) -> MovieSpec:
        """How the film is written."""
        return MovieSpec(
            self.size, self.fps, self.codec, self.crf, self.preset, audio=self.sound, alpha=self.alpha != "none"
        )

    @property
    def films(self) -> list[tuple[Path, MovieSpec]]:
        """What is written, the film itself first."""
        stills = MovieSpec(self.size, self.fps, "png", audio=False, alpha=self.alpha != "none")
        return [(self.out, self.movie), *([(self.frames_dir, stills)] if self.frames_dir else [])]

    @property
    def export(self) -> Export:
        """How pictures leave the renderer."""
        return Export(self.ssaa, self.alpha, linear=self.codec == "exr")

    @property
    def fine(self) -> bool:
        """Whether the file keeps more than 8 bits, so that pictures leave as half floats."""
        return self.codec in ("prores", "exr")

    @property
    def place(self) -> Path:
        """The file or folder that the film becomes."""
        return place_of(self.out, self.codec)

    def check_outputs(self) -> None:
        """Raise UserError where the film would be what it is made of, or cannot be written, before anything is heard."""
        for path, spec in self.films:
            check(path, spec)
            place = place_of(path, spec.codec)
            refuse_inputs([place, *(beside(place, ending) for ending in COMPANIONS)], self._inputs)
            check_place(path, spec)

    @property
    def _inputs(self) -> list[Path]:
        return [] if str(self.audio) == "demo" else [self.audio]

    def check(self) -> None:
        """Raise UserError for whatever makes no sense, before anything is analysed, opened or written."""
        if self.style is None and self.scene is None:
            raise UserError("nothing to show", where="--style", allowed="a style, a scene, or both", remedy="vj styles list")
        if self.style is not None and load_style(self.style).kind == "camera":
            raise UserError("a camera has no past", where="--style", got=self.style, remedy="render a clip: clip:FILE")
        if self.scene is not None:
            load_scene(scene_path(self.scene), show_catalogue())
        if str(self.audio) != "demo" and not self.audio.is_file():
            raise UserError("no such audio file", where=str(self.audio), remedy="check the path")
        within("--ssaa", self.ssaa, 1, MAX_SSAA)
        within("--seed", self.seed, 0, MAX_SEED)
        within("--audio-scale", self.audio_scale, *AUDIO_SCALES)
        within("--pulse", self.pulse, 0.0, 1.0)
        within("--start", self.start, 0.0, 1e6)
        if self.duration is not None:
            within("--duration", self.duration, 1.0 / float(self.fps), 1e6)
        if self.guard not in GUARDS:
            raise UserError("no such flash guard", where="--guard", allowed=", ".join(GUARDS), got=self.guard)
        if self.alpha not in ALPHAS:
            raise UserError("unknown alpha", where="--alpha", allowed=", ".join(ALPHAS), got=self.alpha)
        if self.frames_dir is not None and self.fine:
            allowed = "h264, hevc, png"
            raise UserError("this codec has no frames of 8 bits", where="--export-frames", allowed=allowed, got=self.codec)
        for path, spec in self.films:
            check(path, spec)

    def stage_with(self) -> str | Scene:
        """Return the scene to open: the one named, or the style's own, in which kicks push the picture and light it."""
        if self.scene is not None:
            return self.scene
        kick = {"signal": "bass", "attack": 0.0, "release": 0.2}
        maps = [
            kick | {"to": "zoom", "curve": "pow2", "range": [0.0, 0.25 * self.pulse]},
            kick | {"to": "fx/bloom/amount", "curve": "pow3", "range": [0.0, 0.6 * self.pulse]},
            {"signal": "swing", "to": "rotate", "range": [-0.01 * self.pulse, 0.01 * self.pulse]},
        ]
        deck = {"style": self.style, "params": {"zoom": 1.0} | ({"through": 1.0} if names_book(self.style) else {})}
        return Scene.model_validate({"version": 1, "slug": "render", "name": "Render", "deck": deck, "map": maps})

    def opening(self) -> list[Change]:
        """Return what is set before the first frame, on top of the scene."""
        given = self.style is not None and self.scene is not None
        changes = [Change("/deck/a/style", (self.style or "",), 0.0, "render")] if given else []
        if given and names_book(self.style):
            changes.append(Change("/deck/a/through", (1.0,), 0.0, "render"))
        if self.guard == "off":
            changes.append(Change("/guard", (0,), 0.0, "render"))
        if self.audio_scale != NEUTRAL_AUDIO_SCALE:
            react = min(2.0, self.audio_scale / NEUTRAL_AUDIO_SCALE)
            changes += [Change(f"/deck/{deck}/react", (react,), 0.0, "render") for deck in "ab"]
        return changes

    def frames_of(self, samples: int) -> int:
        """Return how many frames cover `samples` of sound at 48 kHz; at least one."""
        return max(1, math.ceil(Fraction(samples, 48_000) * self.fps))


_ADAPTER = TypeAdapter(RenderJob)


def job_to_json(job: RenderJob) -> dict[str, Any]:
    """Return the job as plain JSON values."""
    document: dict[str, Any] = _ADAPTER.dump_python(job, mode="json")
    return document


def job_from_json(data: dict[str, Any]) -> RenderJob:
    """Read what `job_to_json` wrote. Raises pydantic.ValidationError on foreign data."""
    return _ADAPTER.validate_python(data)


def parse_resolution(text: str) -> Size:
    """Read `720p`, `4k` or `1280x720`. Raises UserError."""
    if (size := RESOLUTIONS.get(text.lower())) is not None:
        return size
    if "x" in text.lower():
        return parse_size(text, "--resolution")
    remedy = did_you_mean(text.lower(), RESOLUTIONS)
    allowed = f"{listed(RESOLUTIONS)}, or WIDTHxHEIGHT"
    raise UserError("not a resolution", where="--resolution", allowed=allowed, got=text, remedy=remedy)


def codec_for(out: Path) -> str:
    """Return the codec that the name of a file suggests: PNG frames for a folder, H.264 for a movie."""
    return next(
        (codec for codec, suffix in SEQUENCES.items() if suffix == out.suffix.lower()), "h264" if out.suffix else "png"
    )
