"""What a take has to know of a stage to be rendered again: where it stood at the first frame, and what each frame heard.

Written by the recording on the render thread (`StageSnapshots`), read back by `vj rerender` (`reopen`). Nothing here waits
or touches a file. Trails are pictures: they come off the GPU a frame or two later. What is not kept is a frozen picture: a
take that begins during a freeze shows another one until it ends.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from phosphene.engine.app.loader import StyleLoaded
from phosphene.engine.app.stage import DeckStyle, Stage
from phosphene.engine.app.take import Take
from phosphene.engine.compositor.isf import shader_transitions
from phosphene.engine.core.frame import Frame
from phosphene.engine.core.signals import DRUMS, NORMALISED, PARTS, TAG_SIGNALS
from phosphene.engine.effects.isf import IsfEffect, shader_effects
from phosphene.engine.generators.base import Played
from phosphene.engine.generators.registry import GENERATORS
from phosphene.engine.gpu.keeping import Keeping
from phosphene.engine.gpu.readback import FramePool, Readback
from phosphene.engine.gpu.texture import FORMATS, RenderTarget
from phosphene.engine.show.catalogue import DECKS, IDLE
from phosphene.engine.show.change import (
    Change,
    Input,
    SceneFailed,
    SceneNotSaved,
    SceneReady,
    SceneSaved,
    StyleFailed,
    StyleReady,
)
from phosphene.engine.show.document import Document
from phosphene.engine.show.setlist import Setlist
from phosphene.engine.show.state import restore, snapshot

# Version of the log. The first had no `log` in its first line, no answers of the loader, no frames; the second no bars; the
# third nothing of what changes a look while it plays: mappings, undo, scenes that were saved.
LOG = 4
FRAMES_FILE, PICTURES_FILE = "frames.bin", "pictures.bin"

HEARD = (*DRUMS, *PARTS, *(f"since_{name}" for name in PARTS), *TAG_SIGNALS)
_FRAMES_2 = [
    ("index", "<i8"),  # slot of the show's clock
    ("time", "<f8"),  # s of show time
    ("t_present", "<f8"),  # s on the clock line
    ("t_picture", "<f8"),  # s on the clock line: where the recorder was told to put it
    ("dt", "<f8"),  # s since the frame before
    ("beat", "<f8"),
    ("phases", "<f8", (2,)),  # integrated time of the generators on deck a and b, s; NaN where there is none
    ("bpm", "<f4"),
    ("confidence", "<f4"),
    ("loudness", "<f4"),
    ("active", "<f4"),
    ("onset", "<f4"),
    ("norm", "<f4", (len(NORMALISED),)),
    ("width", "<u2"),  # internal size
    ("height", "<u2"),
]
# One for each frame of the show, 212 bytes: 12 KB/s at 60 fps. Little-endian, packed.
FRAMES = np.dtype(
    [
        *_FRAMES_2,
        ("one", "<f8"),  # this and what follows: as in BeatPosition
        ("number", "<f8"),
        ("per_bar", "<f4"),
        ("rate", "<f4"),
        ("bar_confidence", "<f4"),
        ("trust", "<f4"),
        ("heard", "<f4", (len(HEARD),)),  # signals, 0..1
    ]
)
OLDER_FRAMES = {2: np.dtype(_FRAMES_2)}  # by the version of the log
# One for each picture that got a place in the recording: which one, by its t_picture, and which frame of the file it is.
PICTURES = np.dtype([("t_picture", "<f8"), ("frame", "<i8")])

BAR = ("one", "number", "per_bar", "rate", "bar_confidence", "trust")

KeptPictures = Mapping[str, Mapping[str, Mapping[str, np.ndarray]]]  # deck -> whose: an effect, "" the generator -> name
# What a take keeps of shaders' buffers on one deck: a 4K one in floats would take 133 MB, and the disk seconds.
MOST_KEPT, MOST_BUFFERS = 32 << 20, 32
KEPT_TYPES: dict[str, type[np.uint8 | np.float16 | np.float32]] = {
    "rgba8": np.uint8, "rgba16f": np.float16, "rgba32f": np.float32
}  # fmt: skip

OpenStyle = Callable[[str, str, str], StyleLoaded]  # (deck, style, backend) -> what the loader would have answered


class StageSnapshots:
    """Says what a stage is, for a take."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._record = np.zeros(1, FRAMES)

    def opening(self) -> dict[str, object]:
        """Return all that the next frame depends on, as plain values. Called before the frame's inputs are applied."""
        stage = self._stage
        return {
            "show": snapshot(stage.state),
            "decks": {deck: self._deck(deck) for deck in DECKS},
            "envelopes": stage.mappings.memory(),
            "scenes": stage.document.catalogue.scenes,
            "setlist": stage.document.setlist,
            "shaders": shader_fingerprints() | stage.mixer.transition_fingerprints,
        }

    def trails(self) -> dict[str, RenderTarget]:
        """Return the pictures, by the file they go to, that the next frame goes on from: trails, buffers of shaders."""
        chains = {deck: self._stage.mixer.decks[deck].chain for deck in DECKS}
        found = {trails_file(deck): chain.trails for deck, chain in chains.items() if chain.trails is not None}
        for deck in DECKS:
            found |= {kept_file(deck, n): target for n, (_, _, target) in enumerate(self._kept(deck))}
        return found

    def frame(self, frame: Frame, t_picture: float) -> bytes:
        """Return the FRAMES record of the frame just painted."""
        stage, row = self._stage, self._record[0]
        signals = stage.signals
        assert signals is not None
        size = stage.sizes[-1][1]
        row["index"], row["time"], row["t_present"], row["dt"] = frame.index, frame.time, frame.t_present, frame.dt
        row["t_picture"] = t_picture
        position = signals.position
        row["beat"], row["bpm"], row["confidence"] = position.beat, position.bpm, position.confidence
        for name in BAR:
            row[name] = getattr(position, name)
        row["phases"] = [phase_on(stage, deck) for deck in DECKS]
        for name in ("loudness", "active", "onset"):
            row[name] = signals[name]
        row["heard"] = [signals[name] for name in HEARD]
        row["norm"] = [signals[name] for name in NORMALISED]
        row["width"], row["height"] = size.width, size.height
        return self._record.tobytes()

    def played(self, deck: str, act: str = "") -> dict[str, str]:
        """Return what was made ready for `deck`, or for its acts of the style `act`: backend and fingerprint."""
        return _fingerprint(self._stage.beside[deck].get(act) if act else self._stage.ready.get(deck))

    def _deck(self, deck: str) -> dict[str, object]:
        stage = self._stage
        loaded = stage.playing[deck]
        chain = stage.mixer.decks[deck].chain
        told: dict[str, object] = {"style": loaded.style, **_fingerprint(loaded), "effects": chain.memory()}
        if chain.trails is not None:
            told["trails"] = [chain.trails.size.height, chain.trails.size.width]
        if kept := self._kept(deck):
            told["kept"] = [
                {"of": of, "name": name, "format": target.format, "height": target.size.height, "width": target.size.width}
                for of, name, target in kept
            ]
        if isinstance(loaded.generator, Played):
            told |= loaded.generator.memory()
        if deck in stage.ready:
            told["ready"] = {"style": stage.ready[deck].style, **_fingerprint(stage.ready[deck])}
        if stage.beside[deck]:
            told["beside"] = [_fingerprint(each) | _stood(each) for each in stage.beside[deck].values()]
        return told

    def _kept(self, deck: str) -> list[tuple[str, str, RenderTarget]]:
        """Return whose ("" the generator's), name and picture of each buffer on a deck; none where they are too large."""
        loaded = {"": self._stage.playing[deck]}
        loaded |= {kept_of(style): each for style, each in self._stage.beside[deck].items()}
        found: list[tuple[str, str, RenderTarget]] = []
        for of, each in loaded.items():
            if isinstance(each.generator, Keeping):
                found += [(of, name, target) for name, target in each.generator.kept.items()]
        for effect, pictures in self._stage.mixer.decks[deck].chain.kept.items():
            found += [(effect, name, target) for name, target in pictures.items()]
        size = sum(target.size.pixels * FORMATS[target.format][3] for _, _, target in found)
        return found if size <= MOST_KEPT and len(found) <= MOST_BUFFERS else []


def input_line(given: Input, played: Callable[..., Mapping[str, str]]) -> tuple[str, dict[str, object]]:
    """Return kind and values of the line that logs an input of the show document. played: as `StageSnapshots.played`."""
    match given:
        case Change(path, args, _, source, every):
            return "change", {"path": path, "args": args, "source": source, "every": every}
        case SceneReady(scene):  # whole: its file may be another by the time of a rerender
            return "scene_ready", {"scene": scene}
        case SceneFailed(slug, reason):
            return "scene_failed", {"scene": slug, "reason": reason}
        case StyleReady(deck, style, True):
            return "style_ready", {"deck": deck, "style": style, "beside": True, **played(deck, style)}
        case StyleReady(deck, style):
            return "style_ready", {"deck": deck, "style": style, **played(deck)}
        case StyleFailed(deck, style, reason, beside):
            return "style_failed", {"deck": deck, "style": style, "reason": reason} | ({"beside": True} if beside else {})
        case SceneSaved(slug):
            return "scene_saved", {"scene": slug}
        case SceneNotSaved(slug, reason):
            return "scene_not_saved", {"scene": slug, "reason": reason}


class Trail:
    """A picture on its way off the GPU into the file `name` of a take. Render thread; it waits for nothing."""

    def __init__(self, name: str, target: RenderTarget) -> None:
        self._name = name
        self._take: Take | None = None
        self._readback = Readback(FramePool(target.size, 1, KEPT_TYPES[target.format]))
        self._readback.start(target, name)

    def goes_to(self, take: Take) -> None:
        """Say which take it is for."""
        self._take = take

    def arrived(self) -> bool:
        """Look whether it is there, and have it written then."""
        if self._take is None:
            return False
        for array, _ in self._readback.poll():
            self._take.record(self._name, array.tobytes())
            self.close()
            return True
        return False

    def close(self) -> None:
        """Free the buffers; what has not arrived is lost."""
        self._readback.close()


def trails_file(deck: str) -> str:
    """Return the name of the file with a deck's trails at the take's start: float16 [h, w, 4], row 0 at the top."""
    return f"trails-{deck}.f16"


def shader_fingerprints() -> dict[str, str]:
    """Return the SHA-256 of every shader that is an effect or a transition, by the name of that."""
    effects = {name: made.isf.sha256 for name, made in shader_effects().items() if issubclass(made, IsfEffect)}
    return effects | {name: known.isf.sha256 for name, known in shader_transitions().items()}


def kept_file(deck: str, n: int) -> str:
    """Return the name of the file with buffer `n` of a deck's shaders at the take's start: [h, w, 4], row 0 at the top."""
    return f"kept-{deck}-{n}.raw"


def kept_of(style: str) -> str:
    """Return whose the buffers of an act's style are, among those of a deck; no effect has a space in its name."""
    return f"act {style}"


def phase_on(stage: Stage, deck: str) -> float:
    """Return the integrated time of what is on `deck`, in s; NaN where nothing has any."""
    generator = stage.playing[deck].generator
    return generator.motion.phase if isinstance(generator, Played) else float("nan")


def reopen(
    stage: Stage, start: Mapping[str, Any], open_style: OpenStyle, trails: Mapping[str, np.ndarray], kept: KeptPictures
) -> None:
    """Bring a fresh stage to where a take began. start: its first line; keys that an older log lacks are done without.

    trails: float16 [h, w, 4] by deck. kept: what buffers of shaders had.

    Raises UserError for a style that cannot be opened, pydantic.ValidationError for a document that is none.
    """
    scenes = tuple(start.get("scenes") or stage.document.catalogue.scenes)
    setlist = Setlist.model_validate(start["setlist"]) if start.get("setlist") else stage.document.setlist
    catalogue = stage.document.catalogue
    if scenes != catalogue.scenes:
        catalogue = replace(catalogue, scenes=scenes)
    stage.document = Document(catalogue, setlist)
    stage.state = stage.document.fitted(restore(start["show"]))
    for deck in DECKS:
        told = start.get("decks", {}).get(deck, {"style": stage.state.deck(deck).style})
        if seated(told):
            stage.playing[deck] = loaded = _made(stage, deck, told, open_style)
            stage.mixer.set_generator(deck, loaded.generator)
            if "phase" in told and isinstance(loaded.generator, Played):
                loaded.generator.resume(told)
            if isinstance(loaded.generator, Keeping):
                loaded.generator.recall(kept.get(deck, {}).get("", {}))
        if "ready" in told:
            stage.ready[deck] = _made(stage, deck, told["ready"], open_style)
        for each in told.get("beside", ()):
            stage.beside[deck][each["style"]] = made = _made(stage, deck, each, open_style)
            if "phase" in each and isinstance(made.generator, Played):
                made.generator.resume(each)
            if isinstance(made.generator, Keeping):
                made.generator.recall(kept.get(deck, {}).get(kept_of(each["style"]), {}))
        chain = stage.mixer.decks[deck].chain
        chain.resume(told.get("effects", {}))
        if deck in trails:
            chain.recall(trails[deck])
        chain.recall_kept(kept.get(deck, {}))
    stage.mappings.use(stage.state.a.mappings, stage.state.b.mappings)
    stage.mappings.resume(start.get("envelopes", []))


def seated(told: Mapping[str, Any]) -> bool:
    """Tell whether a deck of a take's first line had a style on it."""
    return told.get("style", "") not in ("", IDLE)


def _made(stage: Stage, deck: str, told: Mapping[str, Any], open_style: OpenStyle) -> DeckStyle:
    answer = open_style(deck, told["style"], told.get("backend", ""))
    make = GENERATORS[answer.style.kind].generator
    generator = make(answer.style, answer.program, stage.mixer.passes, stage.walk, stage.live)
    return DeckStyle(answer.style.slug, answer.backend, answer.refused, answer.excluded, generator)


def _stood(loaded: DeckStyle) -> dict[str, object]:
    """Return the name of an act's style, and where its generator stands."""
    stands: Mapping[str, object] = loaded.generator.memory() if isinstance(loaded.generator, Played) else {}
    return {"style": loaded.style, **stands}


def _fingerprint(loaded: DeckStyle | None) -> dict[str, str]:
    if loaded is None or not isinstance(loaded.generator, Played):
        return {"backend": "", "sha256": ""}
    return {"backend": loaded.backend, "sha256": loaded.generator.style.sha256}
