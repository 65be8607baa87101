"""What pages are told of styles, scenes and setlist: texts and numbers as JSON, and where their pictures lie.

Called on the desk's worker threads, which may wait for a disk. Weights are not read: a page needs none, and checking them
would take seconds beside a running show. What a style says of itself is data here; pages show it as text.
"""

from __future__ import annotations

import base64
import contextlib
import json
import math
import os
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from phosphene.engine.audio.devices import ALL
from phosphene.engine.backends.isf_still import still_of
from phosphene.engine.core import clock
from phosphene.engine.core.child import child_environment, python_child
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.paths import is_name, scene_folders
from phosphene.engine.core.signals import SIGNALS
from phosphene.engine.library.library import energy_of
from phosphene.engine.library.media_stills import MediaStills
from phosphene.engine.library.ratings import Rating, load_ratings
from phosphene.engine.library.suggest import Candidate, describe_now, suggest_now
from phosphene.engine.models.isf import read_isf
from phosphene.engine.models.media import is_source, list_media, named
from phosphene.engine.models.shaders import PREFIX, find_shader, list_shaders, load_shader
from phosphene.engine.models.style import StyleMeta, list_styles, load_meta, meta_of, style_folder
from phosphene.engine.show.catalogue import DECKS, IDLE, Catalogue
from phosphene.engine.show.mapping import CURVES
from phosphene.engine.show.scene import load_scene, scene_names, scene_path
from phosphene.engine.show.setlist import Setlist
from phosphene.engine.sources.camera import list_cameras

_STILL, _VIDEO = "preview.png", "preview.mp4"
_MEDIA = "media"  # in addresses of stills of pictures and clips
_SCENE_STILL, _SCENE_STILLS = "still.webp", "stills"  # in a folder beside the scenes: tools/lab/scene_stills.py makes ours
_LOOK_S = 5.0  # a look at the audio devices takes 0.3 s; a driver that hangs must not hold the page up for ever
_SEEN_S = 1.0  # for which a look counts: pages that ask again and again must not start a process each time


class DeskLibrary:
    """catalogue: what scenes are checked against. Remembers what files said while they stay as they are."""

    def __init__(self, catalogue: Catalogue, setlist: Setlist) -> None:
        self._catalogue, self._setlist = catalogue, setlist
        self._known: dict[Path, tuple[tuple[float, int], dict[str, Any]]] = {}
        self._metas: dict[Path, tuple[tuple[float, int] | None, StyleMeta]] = {}
        self._looking = threading.Lock()
        self._stills = MediaStills()
        self._inputs: list[str] = []
        self._seen = -math.inf  # when

    def document(self) -> dict[str, Any]:
        """Return what `library.json` is."""
        ratings = _ratings()
        stars = {slug: ratings.get(slug, Rating()).stars for slug in list_styles()}
        return {
            "styles": [
                *(self._style(slug) | {"stars": stars[slug] or 0} for slug in stars),
                *(self._shader(slug) for slug in list_shaders()),
                *(self._source(slug) for slug in list_media()),
                *(_told_of_camera(number, name) for number, name in list_cameras().items()),
            ],
            "scenes": [self._scene(slug) for slug in scene_names(scene_folders())],
            "setlist": {
                "name": self._setlist.name,
                "cues": [{"scene": cue.scene, "note": cue.note} for cue in self._setlist.cue],
            },
            "inputs": self.inputs(),
            "signals": list(SIGNALS),
            "curves": list(CURVES),
            "effects": {name: [p.name for p in params] for name, params in self._catalogue.effects.items()},
            "decks": list(DECKS),
            "transitions": list(self._catalogue.transitions),
            "desk": {"urls": [], "qr": None, "view_qr": None},
        }

    def file(self, kind: str, slug: str, name: str) -> Path | None:
        """Return the file of a style's or scene's picture, None where there is none: no other file of a disk can be had."""
        if not is_name(slug):
            return None
        try:
            if kind == "style" and name in (_STILL, _VIDEO):
                found = style_folder(slug) / name
            elif kind == "scene" and name == _SCENE_STILL:
                found = scene_path(slug).parent / _SCENE_STILLS / f"{slug}.webp"
            elif kind == _MEDIA and name == _SCENE_STILL:
                return self._stills.still(_unlinked(slug))
            elif kind == "shader" and name == _SCENE_STILL:
                return still_of(load_shader(f"{PREFIX}{slug}"))
            else:
                return None
        except UserError:
            return None
        return found if found.is_file() else None

    def inputs(self) -> list[str]:
        """Return what `/audio/input` can be given now, or could a second ago at most. Takes 0.3 s."""
        with self._looking:
            if clock.now() - self._seen > _SEEN_S:
                self._inputs = input_names()
                self._seen = clock.now()
            return self._inputs

    def suggested(self, heard: Mapping[str, Any]) -> dict[str, Any]:
        """Return the styles that suit what is heard now, with the reasons.

        heard: {"why": "" or why nobody tags the music, "energy": 0..1, "tags": {tag: 0..1}}.
        """
        if heard["why"]:
            return {"why": heard["why"], "heard": "", "styles": []}
        ratings, candidates = _ratings(), []
        for slug in list_styles():
            with contextlib.suppress(UserError):  # a broken style is told of on its own card
                candidates.append(Candidate(slug, self._meta(style_folder(slug)), ratings.get(slug, Rating())))
        found = suggest_now(heard["energy"], heard["tags"], candidates)
        told = [
            {"slug": each.slug, "name": each.name, "score": round(each.score, 3), "reason": each.reason} for each in found
        ]
        return {"why": "", "heard": describe_now(heard["energy"], heard["tags"]), "styles": told}

    def _meta(self, folder: Path) -> StyleMeta:
        """Return what a style says of itself, read again only where its file is another one."""
        path = folder / "style.toml"
        stamp = _stamp(path)
        known = self._metas.get(path)
        if known is None or stamp is None or known[0] != stamp:
            known = self._metas[path] = stamp, load_meta(folder)
        return known[1]

    def _style(self, slug: str) -> dict[str, Any]:
        try:
            folder = style_folder(slug)
            return self._once(folder / "style.toml", lambda: _told_of_style(slug, folder))
        except UserError as error:
            return _blank(slug) | {"fault": error.line()}

    def _shader(self, slug: str) -> dict[str, Any]:
        try:
            path = find_shader(slug)
            known = self._once(path, lambda: {"told": _told_by_meta(slug), "isf": read_isf(path)})
            still = still_of(known["isf"])  # not remembered: a trial may paint it at any time
            told: dict[str, Any] = known["told"]
            return told | {"still": _link(slug.removeprefix(PREFIX), _SCENE_STILL, "shader") if still else None}
        except UserError as error:
            return _blank(slug) | {"fault": error.line()}

    def _source(self, slug: str) -> dict[str, Any]:
        """Return the card of a picture or clip; its file is not read: a folder may hold thousands. Its still may not be made
        yet, and some have none: whoever asks for it is told."""
        try:
            named(slug)
            return _told_by_meta(slug) | {"still": _link(_linked(slug), _SCENE_STILL, _MEDIA)}
        except UserError as error:
            return _blank(slug) | {"fault": error.line()}

    def _scene(self, slug: str) -> dict[str, Any]:
        try:
            path = scene_path(slug)
            return self._once(path, lambda: self._told_of_scene(slug, path))
        except UserError as error:
            return {"slug": slug, "name": slug, "description": "", "tags": [], "style": "", "second": None, "faders": {}} | {
                "still": None,
                "fault": error.line(),
            }

    def _told_of_scene(self, slug: str, path: Path) -> dict[str, Any]:
        scene = load_scene(path, self._catalogue)
        second = scene.second.style if scene.second else None
        return {
            "slug": slug,
            "name": scene.name,
            "description": scene.description,
            "tags": list(scene.tags),
            "style": scene.deck.style,
            "second": second,
            "faders": dict(scene.faders),
            "still": self._still_of_scene(slug, (scene.deck.style, second or "")),
            "fault": "",
        }

    def _still_of_scene(self, slug: str, styles: Sequence[str]) -> str | None:
        """Return where a scene's own still lies, else that of the first style that is seen in it."""
        shown = next((style for style in styles if style and style != IDLE), "")
        for kind, name, file in (("scene", slug, _SCENE_STILL), ("style", shown, _STILL)):
            if name and self.file(kind, name, file):
                return _link(name, file, kind)
        return None

    def _once(self, path: Path, read: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Return what `read` returns, and the same again while the file is the same."""
        stamp = _stamp(path)
        if stamp is None:
            return read()
        known = self._known.get(path)
        if known is None or known[0] != stamp:
            known = self._known[path] = stamp, read()
        return known[1]


def _stamp(path: Path) -> tuple[float, int] | None:
    """Return what changes when a file does; None where it cannot be asked."""
    try:
        told = os.stat(path)
    except OSError:
        return None
    return told.st_mtime, told.st_size


def _told_of_style(slug: str, folder: Path) -> dict[str, Any]:
    meta = load_meta(folder)
    return _blank(slug) | {
        "name": meta.name,
        "kind": meta.kind,
        "prompt": meta.prompt,
        "description": meta.description,
        "tags": list(meta.tags),
        "genres": list(meta.genres),
        "palette": list(meta.palette),
        "energy": energy_of(meta),
        "still": _link(slug, _STILL) if (folder / _STILL).is_file() else None,
        "video": _link(slug, _VIDEO) if (folder / _VIDEO).is_file() else None,
    }


def _told_by_meta(slug: str) -> dict[str, Any]:
    meta = meta_of(slug)
    told = {"name": meta.name, "kind": meta.kind, "description": meta.description, "tags": list(meta.tags)}
    return _blank(slug) | told | {"energy": energy_of(meta)}


def _told_of_camera(number: str, name: str) -> dict[str, Any]:
    return _blank(f"camera:{number}") | {"name": name or f"Camera {number}", "kind": "camera", "energy": 0.5}


def _blank(slug: str) -> dict[str, Any]:
    lists: dict[str, Any] = {key: [] for key in ("tags", "genres", "palette")}
    texts = dict.fromkeys(("kind", "prompt", "description", "fault"), "")
    return {"slug": slug, "name": slug, "energy": None, "still": None, "video": None, "stars": 0} | texts | lists


def _link(slug: str, name: str, kind: str = "style") -> str:
    return f"/desk/{kind}/{quote(slug, safe='')}/{name}"


def _linked(slug: str) -> str:
    """Return the name of a picture or clip as one part of an address: it may hold slashes."""
    return base64.urlsafe_b64encode(slug.encode("utf-8", "surrogateescape")).decode("ascii").rstrip("=")


def _unlinked(part: str) -> str:
    """Return the name that `_linked` was given, of a file in the folders of media. Raises UserError for all others."""
    try:
        slug = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)).decode("utf-8", "surrogateescape")
    except ValueError as error:
        raise UserError("no name of a picture", got=part[:40]) from error
    if not is_source(slug) or Path(slug.partition(":")[2]).is_absolute():  # a path is no name that a page was told
        raise UserError("no name of a picture", got=slug[:40])
    return slug


def _ratings() -> Mapping[str, Rating]:
    try:
        return load_ratings()
    except UserError:
        return {}


def input_names() -> list[str]:
    """Return what `/audio/input` can be given. A process of its own looks: in ours PortAudio would see no new device."""
    command = python_child("phosphene.engine.audio.devices", ALL)
    try:
        run = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=_LOOK_S,
            check=True,
            env=child_environment(),
            stdin=subprocess.DEVNULL,
        )
        found = json.loads(run.stdout)["names"]
    except (OSError, subprocess.SubprocessError, ValueError, KeyError):
        found = []
    return list(dict.fromkeys(["default", "demo", *map(str, found)]))
