"""A live take, rendered again: at its own size and rate as it was recorded, at any other the same show, sharper.

Called by `vj rerender` on its main thread. What the take logged stands in for clock, sound, beat and loader (`replay.py`);
the pictures are painted by the frame function of the show (`offline.py`).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Literal

import numpy as np

from phosphene.engine.app.loader import StyleLoaded
from phosphene.engine.app.offline import Progress, Script, offline_stage, play, sha256_of
from phosphene.engine.app.replay import Heard, Moments, ReplayBeatClock, ReplayClock, ReplayLoader, ReplaySource, logged_tags
from phosphene.engine.app.stage import Stage
from phosphene.engine.app.take_log import Logged, TakeLog, check_styles, read_take
from phosphene.engine.app.take_state import reopen
from phosphene.engine.audio.decode import stream_audio
from phosphene.engine.audio.mending import SoundFaults
from phosphene.engine.audio.offline import FileAnalysis
from phosphene.engine.backends.select import installed_backends, open_style
from phosphene.engine.compositor.export_pass import Export
from phosphene.engine.core import clock, metrics
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Frame, Size
from phosphene.engine.core.naming import COMPANIONS, beside, refuse_inputs
from phosphene.engine.core.signals import SAMPLE_RATE
from phosphene.engine.generators.base import Played
from phosphene.engine.gpu.context import info
from phosphene.engine.gpu.texture import RenderTarget
from phosphene.engine.library.similarity import Comparison, Similarity
from phosphene.engine.models.style import load_style
from phosphene.engine.output.movie import check_place
from phosphene.engine.output.movie_spec import MovieSpec, check, place_of
from phosphene.engine.show.catalogue import DECKS
from phosphene.engine.show.change import Change

_SYNC_S = 1.0  # between looks at how far the generators have come off what was logged


@dataclass(frozen=True)
class RerenderJob:
    """One film of a take. size, fps None: the take's own. codec, crf, preset: see `output.movie_spec`.

    internal: at which size the network paints. follow: the show's own sizes, so that the picture is the recorded one; full:
    the film's; auto: follow at the take's own size, else full. signals: what moves the picture. log: what each frame heard;
    audio: the sound, analysed again; auto: the log where there is one. backend: auto: the take's own where it is installed.
    """

    take: Path
    out: Path
    size: Size | None = None
    fps: Fraction | None = None
    codec: str = "h264"
    crf: int = 18
    preset: str = "medium"
    ssaa: int = 1
    sound: bool = True
    internal: Literal["auto", "follow", "full"] = "auto"
    signals: Literal["auto", "log", "audio"] = "auto"
    backend: str = "auto"
    compare: bool | None = None  # None: where there is something to compare with


@dataclass(frozen=True)
class RerenderResult:
    """What came of it. correction: the largest that a generator's time needed, s. notes: what the take lacks.

    timings: s; they, peak_rss_mb and messages may differ from run to run, all else does not.
    """

    out: Path
    hashes: Path
    size: str
    frames: int
    fps: Fraction
    seconds: float
    digest: str
    video_sha256: str
    audio_sha256: str
    events_sha256: str
    signals: str
    internal: str
    renderer: str
    backends: dict[str, str]
    correction: float
    similarity: Similarity | None
    notes: tuple[str, ...]
    timings: dict[str, float]
    peak_rss_mb: float
    messages: tuple[str, ...] = ()
    faults: dict[str, str] = field(default_factory=dict)

    @property
    def speed(self) -> float:
        """How many times faster than it plays the film was rendered."""
        return self.seconds / max(1e-9, self.timings["total"])


def rerender(job: RerenderJob, progress: Progress | None = None) -> RerenderResult:
    """Render a take again. Raises UserError; all that can be found wrong is found before the first picture."""
    progress = progress or (lambda what, done, total: None)
    began = clock.now()
    take = read_take(job.take)
    plan = _planned(job, take)
    faults = SoundFaults()
    samples = _samples(take, progress, faults)
    notes = [*take.notes, *check_styles(take), *plan.notes, *faults.lines()]
    frames = max(1, round(Fraction(samples, SAMPLE_RATE) * plan.fps))
    with _opened(plan, take) as (stage, follower):
        comparison = plan.comparison(take)
        if comparison is not None:
            stage.sinks.append(comparison)
        changes = [
            dataclasses.replace(x.given, t=follower.film_time(x.time)) for x in take.inputs if isinstance(x.given, Change)
        ]
        script = Script([c for c in changes if math.isfinite(c.t)])
        sound = stream_audio(take.sound, faults=SoundFaults())  # said already, in the notes
        written, hashes, digest = play(stage, frames, plan.movie, [(job.out, plan.movie)], None, sound, progress, script)
        ended = clock.now()
        return RerenderResult(
            out=written[0],
            hashes=hashes,
            size=str(plan.size),
            frames=frames,
            fps=plan.fps,
            seconds=float(frames / plan.fps),
            digest=digest,
            video_sha256=sha256_of(written[0]) if written[0].is_file() else "",
            audio_sha256=sha256_of(take.sound),
            events_sha256=sha256_of(take.folder / "events.jsonl"),
            signals="log" if plan.logged else "audio",
            internal="follow" if plan.follow else "full",
            renderer=info()["renderer"],
            backends={deck: style.backend for deck, style in stage.playing.items() if style.backend},
            correction=round(follower.correction, 6),
            similarity=comparison.result if comparison is not None else None,
            notes=tuple(notes),
            timings={"total": round(ended - began, 3)},
            peak_rss_mb=round(metrics.peak_rss_mb(), 1),
            messages=tuple(stage.messages),
            faults=dict(stage.mixer.faults),
        )


@dataclass(frozen=True)
class _Plan:
    """What a job means for its take, checked."""

    job: RerenderJob
    size: Size
    fps: Fraction
    export: Export
    logged: bool  # whether the picture moves by what was logged, not by the sound
    follow: bool
    compare: bool
    notes: tuple[str, ...]

    @property
    def movie(self) -> MovieSpec:
        return MovieSpec(self.size, self.fps, self.job.codec, self.job.crf, self.job.preset, audio=self.job.sound)

    def comparison(self, take: TakeLog) -> Comparison | None:
        if not self.compare or take.recording is None:
            return None
        pictures = np.array(take.pictures["frame"]) if len(take.pictures) else None
        return Comparison(take.recording, take.fps, self.fps, pictures)


def _planned(job: RerenderJob, take: TakeLog) -> _Plan:
    size, fps = job.size or take.size, job.fps or take.fps
    export = Export(job.ssaa, linear=job.codec == "exr")
    plain = export == Export() and job.codec not in ("prores", "exr")
    logged = job.signals == "log" or (job.signals == "auto" and len(take.frames) > 0)
    if job.signals == "log" and not len(take.frames):
        raise UserError("the take does not say what its frames heard", where=str(take.folder), remedy="--signals audio")
    able = logged and plain
    if job.internal == "follow" and not able:
        allowed = "full" if not plain else "full, for a take without its frames"
        raise UserError("cannot follow the show's sizes", where="--internal", allowed=allowed, got="follow")
    follow = job.internal == "follow" or (job.internal == "auto" and able and size == take.size)
    alike = abs(size.aspect / take.size.aspect - 1.0) < 0.02 and job.codec != "exr"
    if job.compare and (take.recording is None or not alike):
        got = "no recording" if take.recording is None else f"{size} {job.codec} against {take.size}"
        raise UserError("nothing to compare with", where="--compare", allowed="the take's recording, of one shape", got=got)
    notes = []
    if abs(size.aspect / take.size.aspect - 1.0) >= 0.02:
        notes.append(f"{size} has another shape than the take's {take.size}: it shows more or less at the sides")
    plan = _Plan(job, size, fps, export, logged, follow, alike and job.compare is not False, tuple(notes))
    check(job.out, plan.movie)
    place = place_of(job.out, job.codec)
    made_of = [*take.folder.iterdir(), take.sound, *([take.recording] if take.recording else [])]
    refuse_inputs([place, *(beside(place, ending) for ending in COMPANIONS)], made_of)
    check_place(job.out, plan.movie)
    return plan


def _samples(take: TakeLog, progress: Progress, faults: SoundFaults) -> int:
    """Return the length of the take's sound at 48 kHz; a killed recorder leaves no length in its file."""
    count = 0
    for block in stream_audio(take.sound, faults=faults):
        count += len(block)
    progress("listening", 1, 1)
    if not count:
        raise UserError("the take has no sound", where=str(take.sound), got="no samples")
    return count


@contextmanager
def _opened(plan: _Plan, take: TakeLog) -> Iterator[tuple[Stage, _Follower]]:
    """Yield a stage that stands where the take began, and the sink that keeps it to the log."""
    moments: Moments | Heard = Moments(take, plan.fps) if plan.logged else Heard(take, plan.fps)
    ticks = ReplayClock(moments)
    source = ReplaySource(ticks) if plan.logged else FileAnalysis(str(take.sound))
    beat_clock = ReplayBeatClock(ticks) if plan.logged else None
    backend = plan.job.backend
    with offline_stage(
        source, beat_clock, plan.size, plan.fps, plan.export, fine=plan.job.codec in ("prores", "exr"), backend=backend
    ) as stage:
        stage.clock = ticks
        if plan.logged:
            stage.tags = logged_tags(ticks)
        internal = plan.export.internal(plan.size)
        backends = installed_backends(info()["renderer"])

        def opened(deck: str, name: str, logged: str) -> StyleLoaded:
            style = load_style(name)
            prefer = backend if backend != "auto" else logged if logged in backends else "auto"
            program, selection = open_style(style, internal, backends, prefer)
            if logged not in ("", selection.name):
                stage.say(f"style {name} was painted by {logged}, now by {selection.name}")
            return StyleLoaded(deck, style, program, selection.name, selection.refused)

        try:
            reopen(stage, take.start, opened, take.trails, take.kept)
        except UserError:
            raise
        except Exception as error:  # boundary: values of a stranger may all be in range, and together fit no stage
            got = f"{type(error).__name__}: {error}"
            raise UserError("the take does not say where the show stood", where=str(take.folder), got=got) from error
        follower = _Follower(stage, ticks, moments, plan)
        stage.sinks.append(follower)
        # An older log does not say when an answer came: there the show's own loader answers at once.
        if any(not isinstance(x.given, Change) for x in take.inputs) or "decks" in take.start:
            answers: list[Logged] = [x for x in take.inputs if not isinstance(x.given, Change)]
            stage.loader.close()
            stage.loader = ReplayLoader(answers, ticks, moments.first_frame_at, opened)
        yield stage, follower


class _Follower:
    """A sink that keeps the stage to the log: the internal size of the next frame, once a second the generators' time."""

    def __init__(self, stage: Stage, ticks: ReplayClock, moments: Moments | Heard, plan: _Plan) -> None:
        self._stage, self._ticks, self._moments, self._plan = stage, ticks, moments, plan
        self._due = 0.0
        self.correction = 0.0
        self.film_time = moments.first_frame_at
        self._size_next()

    def accept(self, picture: RenderTarget, frame: Frame, t_picture: float) -> None:
        """Look at what was just painted."""
        now = self._ticks.now
        if now is None:
            return
        if self._ticks.k / self._plan.fps >= self._due:
            self._due += _SYNC_S
            for deck, logged in zip(DECKS, now.phases, strict=True):
                generator = self._stage.playing[deck].generator
                if not isinstance(generator, Played):
                    continue
                error = logged - generator.motion.phase
                if math.isfinite(error):
                    self.correction = max(self.correction, abs(error))
                    generator.motion.phase = logged
        self._size_next()

    def close(self) -> None:
        """Hold nothing."""

    def _size_next(self) -> None:
        if self._plan.follow and isinstance(self._moments, Moments):
            self._stage.governor.fixed = self._moments.at(self._ticks.k + 1).size
