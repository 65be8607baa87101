"""The whole album as one film: its tracks' films joined, with a gap between two and loudness matched (EBU R128).

Called by `tools/render_album.py` once every track is finished. The pictures are copied, not encoded again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from phosphene.engine.app.offline import sha256_of
from phosphene.engine.core import clock
from phosphene.engine.output.joining import join_movies
from phosphene.tools.album.checks import Checked
from phosphene.tools.album.job import folder_of


def film_path(checked: Checked) -> Path:
    """Return where the film goes: a file in the album's folder, named by its title."""
    slug = re.sub(r"[^a-z0-9]+", "-", checked.album.album.title.lower()).strip("-") or "album"
    return checked.root / f"{slug}.mp4"


def stitch(checked: Checked, records: Mapping[str, Mapping[str, Any]], known: Mapping[str, Any] | None) -> dict[str, Any]:
    """Join the films of all tracks, unless `known` says that this was done; return what `run.json` says of it.

    records: id -> `track.json`, of all tracks. Raises UserError.
    """
    settings = checked.album.album.film
    if settings is None:
        raise ValueError("no film was asked for")
    ids = [track.id for track in checked.album.track]
    depends = {"settings": settings.model_dump(mode="json"), "tracks": [records[name]["video_sha256"] for name in ids]}
    out = checked.root / known["video"] if known else film_path(checked)
    if known and known["depends"] == depends and out.is_file() and sha256_of(out) == known["video_sha256"]:
        return dict(known)
    began = clock.now()
    parts = [folder_of(checked.root, name) / records[name]["video"] for name in ids]
    target = settings.loudness_lufs if settings.loudness == "match" else None
    film = join_movies(parts, film_path(checked), checked.movie, settings.gap_s, target, settings.true_peak)
    told = []
    for name, part in zip(ids, film.parts, strict=True):
        loudness = {k: round(v, 2) for k, v in part.loudness._asdict().items()} if part.loudness else None
        gain = {"db": round(part.gain.db, 2), "limited": part.gain.limited}
        told.append({"id": name, "start": part.start, "frames": part.frames, "gain": gain, "loudness": loudness})
    return {
        "video": film.path.name,
        "video_sha256": sha256_of(film.path),
        "frames": film.frames,
        "seconds": round(film.seconds, 6),
        "parts": told,
        "depends": depends,
        "volatile": {"seconds": round(clock.now() - began, 3)},
    }
