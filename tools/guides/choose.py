"""Chooses what pulls a training and what scores it, from a person's words or from what is at hand.

Called by the trainer and the scorer once, before the first step; reads weights, never downloads any. Whoever judges has
never pulled: a judge shares no weights with any guide of the same training.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from phosphene.engine.core.errors import UserError
from phosphene.tools.guides.base import Guide, Request, Role

NAMES = ("clip", "motif", "palette", "images", "texture")
JUDGES = ("patches",)  # what never pulls
# How loud each is in a choir when nobody says: palette climbs fast, and at 1.0 it would settle for flat colour fields.
WEIGHTS = {"clip": 1.0, "motif": 1.0, "palette": 0.5, "images": 1.0, "texture": 1.0}
MAX_WEIGHT = 10.0
_LABELS = {"clip": "CLIP", "motif": "motif", "images": "images"}


@dataclass(frozen=True)
class Pull:
    """One guide of a training, and what its score counts for in the sum."""

    guide: Guide
    weight: float = 1.0


def open_guides(
    spec: str, request: Request, clip_model: str | None = None, clip_weights: Path | None = None
) -> tuple[list[Pull], list[str]]:
    """Return (what pulls, lines for the person who asked).

    spec: "auto", or names joined by "+", each with a weight if wanted: "motif+palette:0.5", "clip-RN50". Whatever is
    named must be able to serve; "auto" takes the best that is. Raises UserError.
    """
    if spec.strip() == "auto":
        return _auto(request, clip_model, clip_weights)
    pulls: list[Pull] = []
    for part in spec.split("+"):
        name, weight = _weighted(part)
        if any(_family(pull.guide.name) == _family(name) for pull in pulls):
            raise UserError("a guide is named twice", where="--guide", got=spec)
        pulls.append(Pull(_open(name, request, "guide", clip_model, clip_weights, "--guide"), weight))
    return pulls, _notes_of(pulls)


def open_judge(
    spec: str,
    request: Request,
    pulls: Sequence[Pull],
    clip_model: str | None = None,
    clip_weights: Path | None = None,
) -> tuple[Guide, list[str]]:
    """Return (what scores, lines for the person who asked).

    spec: "auto" or one name. clip_model, clip_weights: as given to `open_guides`; the judge takes another model than a
    guide that is CLIP. Raises UserError when the judge asked for is one of `pulls`, or nothing can judge. "auto": another
    CLIP, else `motif`'s second training, else what does not guide.
    """
    taken = {pull.guide.name for pull in pulls}
    spec = spec.strip()
    if spec == "auto" and "texture" in taken:
        judge = _open("patches", request, "judge", None, None, "--judge auto")
        return judge, list(getattr(judge, "notes", ()))
    if spec != "auto":
        name = _known(spec, "--judge")
        if name in taken and _family(name) != "motif":
            raise UserError(
                "the judge would score its own work", where="--judge", allowed="another than --guide", got=name,
                remedy="--judge auto",
            )  # fmt: skip
        if _family(name) == "clip":
            return _clip_judge(name, request, taken, clip_model, clip_weights), []
        return _open(name, request, "judge", None, None, "--judge"), []
    notes, refusals = [], []
    try:
        return _clip_judge("clip", request, taken, clip_model, clip_weights), []
    except UserError as error:
        refusals.append(error.line())
        if any(_family(name) == "clip" for name in taken):
            notes.append(f"CLIP guides and does not judge: {error.line()}")
        elif clip_model is not None or clip_weights is not None:
            raise  # whoever names a model wants that one
    for name in ("motif", "images", "palette"):
        if name in taken and name != "motif":
            continue
        try:
            return _open(name, request, "judge", None, None, "--judge"), notes
        except UserError as error:
            refusals.append(error.line())
    raise UserError("nothing can judge this request", where="--judge auto", got="; ".join(refusals[1:] or refusals))


def _auto(request: Request, clip_model: str | None, clip_weights: Path | None) -> tuple[list[Pull], list[str]]:
    """Words: CLIP, else `motif`, else `palette`. Pictures: `images`, and without words `motif` beside it."""
    pulls: list[Pull] = []
    refusals: dict[str, str] = {}

    def add(name: str) -> None:
        try:
            guide = _open(name, request, "guide", clip_model, clip_weights, "--guide auto")
        except UserError as error:
            # Whoever names a model or a file wants that one, not the next best.
            if name == "clip" and (clip_model is not None or clip_weights is not None):
                raise
            refusals[name] = error.line()
        else:
            pulls.append(Pull(guide, WEIGHTS[name]))

    if request.prompt.strip():
        add("clip")
        if not pulls:
            add("motif")
        if not pulls:  # else the colours of the words are a term of the loss, with a weight of its own: --palette
            add("palette")
    if request.images:
        add("images")
        if not request.prompt.strip():
            add("motif")
    if not pulls:
        why = "; ".join(refusals.values()) or "no words and no pictures"
        raise UserError("nothing can guide this request", where="--guide auto", got=why, remedy="give --prompt or --images")
    # Not of palette: that it knows no word of a prompt is no shortcoming of the machine.
    notes = [f"{label} does not guide: {refusals[name]}" for name, label in _LABELS.items() if name in refusals]
    return pulls, notes + _notes_of(pulls)


def _notes_of(pulls: Sequence[Pull]) -> list[str]:
    """Return what the guides themselves have to say, such as pictures that could not be read."""
    return [note for pull in pulls for note in getattr(pull.guide, "notes", ())]


def _clip_judge(name: str, request: Request, taken: set[str], clip_model: str | None, clip_weights: Path | None) -> Guide:
    from phosphene.tools.guides.clip import ClipGuide, judge_models

    guiding = {each.removeprefix("clip-") for each in taken if _family(each) == "clip"}
    if name != "clip":
        models = [name.removeprefix("clip-")]
    else:
        # --clip-model names the guide; where no CLIP guides, it names the judge.
        models = [clip_model] if clip_model and not guiding else judge_models(guiding)
    refusals = []
    for model in models:
        try:
            # One file holds one model: with a CLIP guide it is the guide's, and the judge must find its own.
            own = clip_weights if not guiding or (clip_weights and clip_weights.is_dir()) else None
            return ClipGuide(request, "judge", model, own)
        except UserError as error:
            refusals.append(error)
    raise refusals[0]


def _open(name: str, request: Request, role: Role, clip_model: str | None, clip_weights: Path | None, where: str) -> Guide:
    """Open one guide. Imported one by one: whoever trains by palette alone pays for no network."""
    name = _known(name, where)
    if _family(name) == "clip":
        from phosphene.tools.guides.clip import ClipGuide

        model = name.removeprefix("clip-") if name != "clip" else clip_model
        return ClipGuide(request, role, model, clip_weights)
    if name == "texture":
        from phosphene.tools.guides.texture import TextureGuide

        return TextureGuide(request)
    if name == "patches":
        from phosphene.tools.guides.patches import PatchesJudge

        return PatchesJudge(request)
    if name == "motif":
        from phosphene.tools.guides.motif import MotifGuide

        return MotifGuide(request, role)
    if name == "palette":
        from phosphene.tools.guides.palette import PaletteGuide

        return PaletteGuide(request)
    from phosphene.tools.guides.images import ImagesGuide

    return ImagesGuide(request)


def _known(text: str, where: str) -> str:
    """Return the one spelling of a guide's name."""
    name = text.strip()
    if name in NAMES or (name in JUDGES and where.startswith("--judge")):
        return name
    if name in JUDGES:
        raise UserError("it only judges", where=where, got=name, remedy="--guide texture, --judge patches")
    from phosphene.tools.guides.clip import MODELS, model_name

    if name.startswith("clip-") and (model := model_name(name.removeprefix("clip-"), missing_ok=True)):
        return f"clip-{model}"
    allowed = f"auto, {', '.join(NAMES)}, {', '.join(f'clip-{model}' for model in MODELS)}"
    raise UserError("no such guide", where=where, allowed=allowed, got=text)


def _family(name: str) -> str:
    return name.strip().split("-")[0]


def _weighted(part: str) -> tuple[str, float]:
    """Return (name, weight) of "name" or "name:weight"."""
    name, colon, text = part.partition(":")
    name = _known(name, "--guide")
    if not colon:
        return name, WEIGHTS[_family(name)]
    try:
        weight = float(text)
    except ValueError:
        weight = math.nan
    if not 0.0 < weight <= MAX_WEIGHT:
        raise UserError("bad weight of a guide", where="--guide", allowed=f"above 0, up to {MAX_WEIGHT:g}", got=part)
    return name, weight
