"""The offline render: the frame function of the show, stepped by an offline clock, into a film with its sound.

Called by `vj render`, `vj rerender` and the album renderer, on their main thread; one render at a time in a process. A live
show and this differ in the clock, the audio source, the sinks and what leads the beat, and in nothing else. Nothing here
depends on how fast the machine is: styles load inline, the internal size is fixed, no picture is dropped.

    file --prepare--> features, beat grid --> render_frame, k/fps --> readback --> hash, encoder thread --> film
"""

from __future__ import annotations

import hashlib
import math
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from phosphene.engine.app.actions import NoActions
from phosphene.engine.app.build import build_stage
from phosphene.engine.app.loader import Loader
from phosphene.engine.app.pipeline import close_stage, open_for_render, render_frame
from phosphene.engine.app.render_job import RenderJob
from phosphene.engine.app.stage import BeatClock, Stage
from phosphene.engine.audio.base import AudioSource
from phosphene.engine.audio.prepared import Prepared, prepare
from phosphene.engine.compositor.export_pass import Export, ExportPass
from phosphene.engine.compositor.flash_plan import plan_flashes
from phosphene.engine.core import clock, metrics
from phosphene.engine.core.clock import OfflineClock
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Size
from phosphene.engine.core.signals import SAMPLE_RATE
from phosphene.engine.gpu.context import HeadlessContext, info
from phosphene.engine.gpu.texture import RenderTarget
from phosphene.engine.models.latent import Walk
from phosphene.engine.output.film import FilmSink, hashes_beside
from phosphene.engine.output.framehash import compare
from phosphene.engine.output.movie_spec import MovieSpec
from phosphene.engine.pacing.governor import Governor
from phosphene.engine.show.change import Change
from phosphene.engine.tempo.grid import GridConductor
from phosphene.kernels.guard.reference import REGIONS, regions

Progress = Callable[[str, int, int], None]  # what is being done, how many of how many are done
FlashPlan = Mapping[int, np.ndarray]  # what the flash guard holds back in which frame
_SMALL = 96  # pixels along the longer side of the pictures that flashes are looked for in: four to a tile


@dataclass(frozen=True)
class RenderResult:
    """What came of a render. digest: of all frame hashes; the same for the same inputs on the same device.

    softened: frames in which flashes are held back by plan. notes: what is odd about the sound, and was made good. timings:
    s by part; they, peak_rss_mb and messages may differ from run to run, all else does not.
    """

    out: Path
    hashes: Path
    frames: int
    fps: Fraction
    seconds: float
    digest: str
    video_sha256: str
    audio_sha256: str
    analysis_key: str
    renderer: str
    backends: dict[str, str]
    timings: dict[str, float]
    peak_rss_mb: float
    messages: tuple[str, ...] = ()
    faults: dict[str, str] = field(default_factory=dict)
    softened: int = 0
    notes: tuple[str, ...] = ()

    @property
    def speed(self) -> float:
        """How many times faster than it plays the film was rendered, analysis and encoding included."""
        return self.seconds / max(1e-9, self.timings["total"])


@contextmanager
def offline_stage(
    source: AudioSource,
    beat_clock: BeatClock | None,
    size: Size,
    fps: Fraction,
    export: Export,
    *,
    fine: bool = False,
    backend: str = "auto",
    loader: Callable[[Loader], Loader] | None = None,
) -> Iterator[Stage]:
    """Yield a stage of its own in a context of its own, without sinks. Raises UserError where there is no OpenGL.

    beat_clock: says where the beat is; None: the show's own conductor. fine: the output holds half floats. loader: wraps the
    one that loads inline.
    """
    context = HeadlessContext()
    try:
        internal = export.internal(size)
        governor = Governor(internal, float(fps), fixed=internal)
        ticks = OfflineClock(fps, centred=True)
        actions = NoActions()
        stage, _ = build_stage(
            ticks, source, size, governor, actions, renderer=info()["renderer"], backend=backend, inline=True
        )
        if beat_clock is not None:
            stage.conductor = beat_clock
        if loader is not None:
            stage.loader = loader(stage.loader)
        if fine or export != Export():
            stage.output_pass.close()
            stage.output_pass = ExportPass(stage.mixer.passes, export)
        if fine:
            stage.output.close()
            stage.output = RenderTarget(size, "rgba16f")
        try:
            yield stage
        finally:
            close_stage(stage)
    finally:
        context.close()


def render(job: RenderJob, progress: Progress | None = None) -> RenderResult:
    """Render one film and return what came of it. Raises UserError; a film that is not whole is left as a `.part`."""
    progress = progress or (lambda what, done, total: None)
    began = clock.now()
    job.check()
    job.check_outputs()
    heard = _hear(job, progress)
    listened = clock.now()
    plan = _foresee(job, heard, progress)
    foreseen = clock.now()
    with _opened(job, heard) as stage:
        frames, sound, script = job.frames_of(heard.samples), heard.pcm_blocks(), Script(job.script)
        written, hashes, digest = play(stage, frames, job.movie, job.films, None, sound, progress, script, plan)
        ended = clock.now()
        timings = {"listen": listened - began, "look_ahead": foreseen - listened}
        timings |= {"render": ended - foreseen, "total": ended - began}
        return RenderResult(
            out=written[0],
            hashes=hashes,
            frames=frames,
            fps=job.fps,
            seconds=float(frames / job.fps),
            digest=digest,
            video_sha256=sha256_of(written[0]) if written[0].is_file() else "",
            audio_sha256=heard.audio_sha256,
            analysis_key=heard.key,
            renderer=info()["renderer"],
            backends={deck: style.backend for deck, style in stage.playing.items() if style.backend},
            timings={name: round(s, 3) for name, s in timings.items()},
            peak_rss_mb=round(metrics.peak_rss_mb(), 1),
            messages=tuple(stage.messages),
            faults=dict(stage.mixer.faults),
            softened=len(plan),
            notes=heard.notes,
        )


def verify(job: RenderJob, progress: Progress | None = None, hashes: Path | None = None) -> int | None:
    """Paint all frames of a rendered job again; return the first that differs from its list of hashes, None if none does.

    hashes: the list; None: the one beside the job's film. Raises UserError, also when there is no such list.
    """
    progress = progress or (lambda what, done, total: None)
    job.check()
    known = hashes or hashes_beside(job.place)
    if not known.is_file():
        raise UserError("nothing to verify against", where=str(known), remedy="render first")
    heard = _hear(job, progress)
    plan = _foresee(job, heard, progress)
    with _opened(job, heard) as stage, tempfile.TemporaryDirectory() as folder:
        again = Path(folder) / known.name
        frames, script = job.frames_of(heard.samples), Script(job.script)
        play(stage, frames, job.movie, [], again, heard.pcm_blocks(), progress, script, plan)
        return compare(known, again)


def _hear(job: RenderJob, progress: Progress) -> Prepared:
    return prepare(
        "demo" if str(job.audio) == "demo" else job.audio,
        start=job.start,
        duration=job.duration,
        progress=lambda x: progress("listening", round(100 * x), 100),
    )


def _foresee(job: RenderJob, heard: Prepared, progress: Progress) -> FlashPlan:
    """Paint the whole film small and find out which of its flashes are too many; nothing where nobody asks."""
    if job.guard != "two-way":
        return {}
    longer = max(job.size.width, job.size.height)
    size = Size(*(max(1, round(_SMALL * side / longer)) for side in (job.size.width, job.size.height)))
    frames, script = job.frames_of(heard.samples), Script(job.script)
    measured = np.empty((frames, REGIONS, 3), np.float16)
    with _opened(replace(job, size=size, ssaa=1, alpha="none", codec="h264"), heard) as stage:
        for k in range(frames):
            for change in script.due(float(k / job.fps)):
                stage.bus.put(change)
            render_frame(stage)
            measured[k] = regions(stage.guard.tiles())
            progress("looking ahead", k + 1, frames)
    return plan_flashes(measured, float(job.fps))


@contextmanager
def _opened(job: RenderJob, heard: Prepared) -> Iterator[Stage]:
    beat_clock = GridConductor(heard.grid)
    with (
        closing(heard.source()) as source,
        offline_stage(source, beat_clock, job.size, job.fps, job.export, fine=job.fine, backend=job.backend) as stage,
    ):
        stage.tags = heard.tags_at
        stage.walk = job.walk if job.walk is not None else Walk(seed=job.seed)
        open_for_render(stage, job.stage_with(), job.opening())
        yield stage


def play(
    stage: Stage,
    frames: int,
    spec: MovieSpec,
    films: Sequence[tuple[Path, MovieSpec]],
    hashes: Path | None,
    sound: Iterator[np.ndarray],
    progress: Progress,
    script: Script | None = None,
    plan: FlashPlan | None = None,
) -> tuple[list[Path], Path, str]:
    """Render `frames` frames of an open stage into `films`, the first of which has the sound; none: only hash them.

    spec: size and rate of the pictures. hashes: where their hashes go; None: beside the first film. script: the changes that
    come in on the way. plan: what the flash guard holds back.

    Returns (where the films are, where the hashes are, the digest of all hashes).
    """
    fine = stage.output.format != "rgba8"
    audio = bool(films) and films[0][1].audio
    track, heard = Sound(sound), 0
    sink = FilmSink(spec, films, hashes, fine=fine)
    stage.sinks.append(sink)
    try:
        for k in range(frames):
            for change in script.due(float(k / spec.fps)) if script else ():
                stage.bus.put(change)
            stage.guard.plan(plan.get(k) if plan else None)
            render_frame(stage)
            if audio:
                until = math.floor((k + 1) * SAMPLE_RATE / spec.fps)
                sink.sound(track.take(until - heard))
                heard = until
            progress("rendering", k + 1, frames)
        written = sink.finish()
        assert sink.hashes is not None
        return written, sink.hashes.path, sink.hashes.digest
    except BaseException:
        sink.abort()
        raise
    finally:
        stage.sinks.remove(sink)
        sink.close()


class Sound:
    """Blocks of samples as one stream; silence after its end."""

    def __init__(self, blocks: Iterator[np.ndarray]) -> None:
        self._blocks = blocks
        self._rest = np.zeros((0, 2), np.float32)

    def take(self, n: int) -> np.ndarray:
        """Return the next `n` samples, float32 [n, 2]."""
        parts, missing = [self._rest], n - len(self._rest)
        while missing > 0:
            block = next(self._blocks, None)
            if block is None:
                block = np.zeros((missing, 2), np.float32)
            parts.append(block)
            missing -= len(block)
        whole = np.concatenate(parts)
        self._rest = whole[n:]
        return whole[:n]


class Script:
    """Control changes that wait for their time."""

    def __init__(self, changes: Sequence[Change]) -> None:
        self._waiting = sorted(changes, key=lambda change: change.t)
        self._next = 0

    def due(self, t: float) -> Iterator[Change]:
        """Yield the changes up to `t` s of the film, once each, in order."""
        while self._next < len(self._waiting) and self._waiting[self._next].t <= t:
            yield self._waiting[self._next]
            self._next += 1


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
