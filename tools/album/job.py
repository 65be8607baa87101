"""A track's job: everything that a worker needs to render it, as plain data; and what the film depends on.

Made by `prepare_song` in the main process, sent to a worker as `job.json` in the track's folder, here or on another machine.
What a film depends on (`depends`) is kept beside it: as long as it is the same, the film is not rendered again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

import phosphene
from phosphene.engine.app.build import scene_path
from phosphene.engine.app.offline import sha256_of
from phosphene.engine.app.render_job import RenderJob, job_from_json, job_to_json
from phosphene.engine.audio.prepared import Prepared, prepare
from phosphene.engine.core import paths
from phosphene.engine.models.latent import Walk
from phosphene.engine.models.shaders import find_shader
from phosphene.engine.models.style import style_folder
from phosphene.engine.show.catalogue import IDLE, Catalogue
from phosphene.engine.show.scene import Scene, load_scene
from phosphene.tools.album.checks import Checked, Song
from phosphene.tools.album.plan import Plan, plan_song

FORMAT = 1  # of job.json and track.json
SHOW = "show"  # the folder of a track's scene files
STYLE_FILES = ("style.toml", "weights.safetensors")
_PACKAGES = ("numpy", "av", "aubio-ledfx", "PyOpenGL")  # those that a picture goes through
_SILENT = 1e-4  # of full scale: -80 dB


@dataclass(frozen=True)
class TrackJob:
    """One track, ready to be rendered. render: `out` is relative to the track's folder. scenes: its scene files.

    pieces: the plan, for people. depends: what the film depends on, key -> text.
    """

    id: str
    title: str
    render: RenderJob
    scenes: dict[str, dict[str, Any]]
    styles: tuple[str, ...]
    pieces: tuple[dict[str, Any], ...]
    depends: dict[str, str]
    frames: int
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """Return the job as plain JSON values."""
        return {"format": FORMAT, **asdict(self), "render": job_to_json(self.render)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> TrackJob:
        """Read what `to_json` wrote. Raises KeyError, TypeError or pydantic.ValidationError on foreign data."""
        values = {**data, "render": job_from_json(data["render"])}
        if values.pop("format") != FORMAT:
            raise KeyError("format")
        return cls(**values | {"styles": tuple(values["styles"]), "pieces": tuple(values["pieces"])})

    def in_folder(self, folder: Path, audio: Path | None = None) -> RenderJob:
        """Return the render job for a track's folder. audio: where the sound is, if it is not where it was."""
        return replace(self.render, out=folder / self.render.out, audio=audio or self.render.audio)


@dataclass(frozen=True)
class Planned:
    """A song that was heard and planned. silent: nothing is to be heard in it. notes: what is odd about its sound."""

    song: Song
    plan: Plan
    job: TrackJob
    silent: bool
    cached: bool
    notes: tuple[str, ...] = ()


def prepare_song(checked: Checked, song: Song, catalogue: Catalogue, told: Callable[[float], None] | None = None) -> Planned:
    """Hear a song, or read what was heard of it, plan it, and return its job. Raises UserError for sound that is none."""
    heard = prepare(song.audio, start=song.start, duration=song.duration, progress=told)
    plan = plan_song(
        heard,
        song.preset,
        lambda slug: _scene(slug, catalogue),
        catalogue.deck_paths,
        seed=song.seed,
        bars=song.bars,
        looks=song.looks,
        style=song.style,
        overrides=song.overrides,
    )
    settings = checked.album.album
    walk = Walk(seed=song.seed, anchors=song.anchors, **song.preset.walk.model_dump())
    render = RenderJob(
        audio=song.audio,
        out=Path(checked.film_name),
        scene=plan.pieces[0].slug,
        size=checked.size,
        fps=checked.fps,
        codec=settings.codec,
        crf=settings.crf,
        preset=settings.encoder_preset,
        ssaa=settings.ssaa,
        start=song.start,
        duration=song.duration,
        seed=song.seed,
        walk=walk,
        script=plan.script,
    )
    job = TrackJob(
        song.id,
        song.title,
        render,
        plan.scenes,
        plan.styles,
        tuple(asdict(piece) for piece in plan.pieces),
        _depends(render, plan, heard),
        render.frames_of(heard.samples),
        round(heard.seconds, 6),
    )
    return Planned(song, plan, job, _is_silent(heard), heard.cached, heard.notes)


def folder_of(root: Path, track: str) -> Path:
    """Return the folder of a track of the album in `root`."""
    return root / "tracks" / track


def _scene(slug: str, catalogue: Catalogue) -> Scene:
    return load_scene(scene_path(slug), catalogue)


def _depends(render: RenderJob, plan: Plan, heard: Prepared) -> dict[str, str]:
    """Return everything that frames and film depend on, but for the machine. Paths are no part of it: contents are."""
    found = {f"setting {key}": _text(value) for key, value in job_to_json(render).items()}
    for key in ("audio", "out", "frames_dir", "script"):
        found.pop(f"setting {key}", None)
    found["script"] = _sha(json.dumps(job_to_json(render)["script"]).encode())
    found["audio"], found["analysis"] = heard.audio_sha256, heard.key
    found["features"] = heard.features_sha256
    for slug, scene in plan.scenes.items():
        found[f"scene {slug}"] = _sha(json.dumps(scene, sort_keys=True).encode())
    for style in plan.styles:
        for name in STYLE_FILES if style != IDLE else ():
            found[f"style {style}, {name}"] = sha256_of(style_folder(style) / name)
    for shader in plan.shaders:
        found[shader] = sha256_of(find_shader(shader))
    found["program"] = program_sha()
    found |= {f"version of {name}": version for name, version in versions().items()}
    return found


def versions() -> dict[str, str]:
    """Return the versions of the program and of the packages that a picture goes through."""
    return {"phosphene": phosphene.__version__} | {name: metadata.version(name) for name in _PACKAGES}


@cache
def program_sha() -> str:
    """Return the SHA-256 of the engine's source: a shader changed anywhere in it may be another picture."""
    digest = hashlib.sha256()
    for folder in ("engine", "kernels"):
        for file in sorted((paths.PACKAGE / folder).rglob("*")):
            if file.suffix in (".py", ".frag", ".vert", ".glsl"):
                digest.update(file.relative_to(paths.PACKAGE).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def _is_silent(heard: Prepared) -> bool:
    low, high = np.full(2, np.inf), np.full(2, -np.inf)
    for block in heard.pcm_blocks():  # a constant offset is no sound either
        low, high = np.minimum(low, block.min(axis=0)), np.maximum(high, block.max(axis=0))
    return bool((high - low < 2.0 * _SILENT).all())


def _sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)
