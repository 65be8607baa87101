"""What the album renderer does: plan, render, verify. Called by `tools/render_album.py` on the main thread.

check everything -> hear and plan every song -> workers -> run.json after each track -> the stitched film
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from phosphene.engine.core import clock
from phosphene.engine.core.errors import UserError, one_line
from phosphene.engine.core.naming import COMPANIONS, beside, refuse_inputs
from phosphene.engine.library.catalogue import show_catalogue
from phosphene.tools.album.checks import Checked, check_album
from phosphene.tools.album.cluster import run_on_ray
from phosphene.tools.album.film import film_path, stitch
from phosphene.tools.album.job import Planned, TrackJob, folder_of, prepare_song
from phosphene.tools.album.local import Outcome, run_local
from phosphene.tools.album.places import check_places
from phosphene.tools.album.previews import make_previews, missing
from phosphene.tools.album.records import (
    RUN_FILE,
    TRACK_FILE,
    disk_fault,
    known_film,
    read_record,
    run_document,
    unfinished,
    write_record,
)
from phosphene.tools.album.report import Bars, Lines, bars, console, plan_text
from phosphene.tools.album.schema import Faults, read_album

_PROBE_S = 1.0


@dataclass(frozen=True)
class Options:
    """The command line. workers, threads None: the album's, and what its workers leave to each."""

    tracks: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    preset: str = ""
    output_root: Path | None = None
    workers: int | None = None
    threads: int | None = None
    dry_run: bool = False
    resume: bool = False
    verify: bool = False
    previews: bool = True
    ray: str = ""
    as_json: bool = False
    outside: bool = False


class _Run:
    """One run over an album: its jobs, what failed, and `run.json`."""

    def __init__(self, checked: Checked, planned: Sequence[Planned], options: Options) -> None:
        self.checked, self.options = checked, options
        self.jobs = {item.song.id: item.job for item in planned}
        self.failed: dict[str, str] = {}
        self.began = clock.wall_clock().isoformat(timespec="seconds")
        self.film = known_film(checked.root)
        self.workers = options.workers or checked.album.album.workers
        self.threads = options.threads or max(1, (os.cpu_count() or 1) // self.workers)

    def document(self) -> dict[str, Any]:
        return run_document(self.checked, self.jobs, self.failed, self.film, self.began)

    def write(self) -> None:
        """Write `run.json`. A disk that is full is said, and ends nothing: the tracks speak for themselves."""
        path = self.checked.root / RUN_FILE
        try:
            write_record(path, self.document())
        except OSError as error:
            self.fail(RUN_FILE, disk_fault(error, path)[0])

    def work(
        self, jobs: Sequence[TrackJob], told: Bars | Lines, done: Callable[[str, Outcome], None], options: Sequence[str]
    ) -> None:
        """Run the jobs here or on the cluster."""
        run = partial(run_on_ray, self.options.ray) if self.options.ray else run_local
        run(self.checked.root, jobs, self.workers, self.threads, told, done, options)

    def fail(self, track: str, why: str) -> None:
        if self.failed.get(track) == why:
            return
        self.failed[track] = why
        console.print(f"{track}: {why}", highlight=False, markup=False, soft_wrap=True)


def album(path: Path, options: Options, say: Callable[[str], None]) -> int:
    """Do what the command line asks for; return the exit code: 1 where a track failed. Raises Faults, UserError, OSError."""
    checked = _checked(path, options)
    planned = _planned(checked)
    run = _Run(checked, planned, options)
    if options.dry_run:
        rate = _probe(checked, planned, run.threads)
        say(_plan_json(planned, rate) if options.as_json else plan_text(checked, planned, rate, run.workers))
        return 0
    code = _verify(run, say) if options.verify else _render(run, say)
    if options.as_json:
        say(json.dumps(run.document(), indent=1))
    return code


def _checked(path: Path, options: Options) -> Checked:
    base = options.output_root.resolve() if options.output_root else path.resolve().parent
    root = base / path.stem if options.output_root else None
    album = read_album(path, options.changes)
    checked = check_album(
        album, path, show_catalogue(), root=root, preset=options.preset, only=options.tracks, outside=options.outside
    )
    films = [folder_of(checked.root, track.id) / checked.film_name for track in album.track] + [film_path(checked)]
    places = [place for film in films for place in (film, *(beside(film, ending) for ending in COMPANIONS))]
    if not options.outside:
        check_places(checked, base)
    refuse_inputs(places, [song.audio for song in checked.songs])
    return checked


def _planned(checked: Checked) -> list[Planned]:
    """Hear and plan every song. Raises Faults for those that cannot be heard to their end."""
    catalogue = show_catalogue()
    planned, faults = [], []
    with bars() as told:
        for song in checked.songs:
            try:
                item = prepare_song(
                    checked,
                    song,
                    catalogue,
                    lambda x, song=song: told(song.id, {"what": "listening", "done": round(100 * x), "total": 100}),
                )
            except UserError as error:
                faults.append(error)
                continue
            planned.append(item)
            for note in item.notes:
                line = one_line(f"{song.id}: {song.audio.name}: {note}")
                console.print(line, highlight=False, markup=False, soft_wrap=True)
            if item.silent:
                line = f"{song.id}: nothing is to be heard in {song.audio.name}: its picture stays dark"
                console.print(line, highlight=False, markup=False, soft_wrap=True)
    if faults:
        raise Faults(faults)
    return planned


def _render(run: _Run, say: Callable[[str], None]) -> int:
    root, options = run.checked.root, run.options
    root.mkdir(parents=True, exist_ok=True)
    todo, kept = [], []
    for job in run.jobs.values():
        why = unfinished(root, job) if options.resume else "--resume was not given"
        (todo if why else kept).append(job)
        if options.resume and not options.as_json:
            say(f"{job.id}: {why or 'finished, kept'}")
    run.write()
    for job in kept:
        if options.previews and missing(folder_of(root, job.id)):
            make_previews(folder_of(root, job.id), folder_of(root, job.id) / job.render.out, job)
    with bars() as told:

        def done(track: str, outcome: Outcome) -> None:
            told.ended(track)
            if outcome.error:
                run.fail(track, outcome.error)
            elif (record := read_record(folder_of(root, track))) is None:
                run.fail(track, f"its {TRACK_FILE} is gone; --resume renders it again")
            elif not options.as_json:
                say(_track_line(track, record))
            run.write()

        run.work(todo, told, done, () if options.previews else ("--no-previews",))
    return _film(run, say)


def _film(run: _Run, say: Callable[[str], None]) -> int:
    """Stitch the film where it was asked for and every track of the album is there; return the exit code."""
    checked = run.checked
    found = {track.id: read_record(folder_of(checked.root, track.id)) for track in checked.album.track}
    records = {name: record for name, record in found.items() if record is not None}
    if checked.album.album.film is not None and not run.failed:
        if len(records) == len(found):
            run.film = stitch(checked, records, run.film)
            if not run.options.as_json:
                say(one_line(f"{checked.root / run.film['video']}: {run.film['seconds']:.2f} s, {len(records)} tracks"))
        else:
            lacking = ", ".join(name for name in found if name not in records)
            console.print(f"no film yet: {lacking} not rendered", highlight=False, markup=False)
    run.write()
    return 1 if run.failed else 0


def _verify(run: _Run, say: Callable[[str], None]) -> int:
    """Paint every finished track again and compare; return the exit code."""
    root = run.checked.root
    ready = []
    for job in run.jobs.values():
        why = unfinished(root, job)
        if why:
            run.fail(job.id, f"cannot be verified: {why}")
        else:
            ready.append(job)
    with bars() as told:

        def done(track: str, outcome: Outcome) -> None:
            told.ended(track)
            if outcome.error or not outcome.verified:
                run.fail(track, outcome.error or f"frame {outcome.frame} is another one when it is painted again")
            elif (record := read_record(folder_of(root, track))) is None:
                run.fail(track, f"its {TRACK_FILE} is gone")
            elif not run.options.as_json:
                frames, film = record["digest"][:16], record["video_sha256"][:16]
                say(f"{track}: verified, {record['frames']} frames {frames}, file {film}")

        run.work(ready, told, done, ("--verify",))
    return 1 if run.failed else 0


def _probe(checked: Checked, planned: Sequence[Planned], threads: int) -> float | None:
    """Render a second of the first song's loudest part, to nowhere, and return the frames a second; None if that fails."""
    job = planned[0].job
    piece = max(planned[0].plan.pieces, key=lambda piece: piece.energy)
    start = min(0.5 * (piece.start + piece.end), max(0.0, job.seconds - _PROBE_S))
    part = replace(
        job.render, scene=piece.slug, script=(), start=job.render.start + start, duration=min(_PROBE_S, job.seconds)
    )
    outcomes: list[Outcome] = []
    with tempfile.TemporaryDirectory(prefix="phosphene-probe-") as folder:
        run_local(
            Path(folder),
            [replace(job, render=part)],
            1,
            threads,
            lambda track, message: None,
            lambda track, outcome: outcomes.append(outcome),
            ("--probe",),
        )
    if outcomes[0].error:
        console.print(f"no estimate: {outcomes[0].error}", highlight=False, markup=False, soft_wrap=True)
    return outcomes[0].rate


def _plan_json(planned: Sequence[Planned], rate: float | None) -> str:
    tracks = {item.song.id: item.job.to_json() for item in planned}
    return json.dumps({"tracks": tracks, "frames_per_second": rate}, indent=1)


def _track_line(track: str, record: Mapping[str, Any]) -> str:
    told = f"{track}: {record['frames']} frames, {record['seconds']:.2f} s, "
    return told + f"{record['volatile']['speed']:.2f} times real time, frames {record['digest'][:16]}"
