"""How well a `Motif` matches pictures with words that it has not seen together, every number beside its chance.

Called by `tools/train_motif.py` at the end, and by tests on few pictures. Paints its own pictures; changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from phosphene.tools.motif import words
from phosphene.tools.motif.captions import SEVEN, caption, is_held_out
from phosphene.tools.motif.dataset import Pictures, Settings, camouflage, make_pictures
from phosphene.tools.motif.model import SIDE, Motif
from phosphene.tools.motif.pictures import paint
from phosphene.tools.motif.subject import COLOURS, LEARNT, MOODS, Subject, draw_subject

GROUP = 32
_SEED = 977  # no training's: these pictures are nobody's


@dataclass(frozen=True)
class Case:
    """One way to ask. combinations, wordings: whether those are held out. full: captions mention every attribute."""

    name: str
    combinations: bool
    wordings: bool
    full: bool


CASES = tuple(
    Case(f"{what}{' full' if full else ''}", combinations, wordings, full)
    for what, combinations, wordings in (
        ("seen combinations", False, False),
        ("held-out combinations", True, False),
        ("held-out wordings", False, True),
        ("both held out", True, True),
    )
    for full in (False, True)
)


@torch.no_grad()
def embed_pictures(model: Motif, pictures: torch.Tensor) -> torch.Tensor:
    """Return unit vectors [n, space] of pictures float32 [n, 3, h, w], resized to the tower's side."""
    if pictures.shape[-1] != SIDE:
        pictures = torch.nn.functional.interpolate(pictures, (SIDE, SIDE), mode="bilinear", antialias=True)
    return torch.cat([model.image(part) for part in pictures.split(128)])


@torch.no_grad()
def embed_texts(model: Motif, texts: list[str]) -> torch.Tensor:
    """Return unit vectors [n, space] of texts."""
    return torch.cat([model.text(texts[i : i + 256]) for i in range(0, len(texts), 256)])


def retrieval(images: torch.Tensor, texts: torch.Tensor, group: int = GROUP) -> dict[str, float]:
    """Return how often, among `group` at a time, the right text is nearest to a picture, and the right picture to a text.

    images, texts: unit vectors [n, space], row i of one belongs to row i of the other. Chance is 1 / group.
    """
    right = torch.arange(group)
    found: dict[str, list[torch.Tensor]] = {"image_to_text": [], "text_to_image": []}
    for start in range(0, len(images) - group + 1, group):
        cosines = images[start : start + group] @ texts[start : start + group].T
        found["image_to_text"].append(cosines.argmax(1) == right)
        found["text_to_image"].append(cosines.argmax(0) == right)
    return {name: round(float(torch.cat(hits).float().mean()), 4) for name, hits in found.items()}


def evaluate(model: Motif, stranger: Motif, count: int = 1024) -> dict[str, object]:
    """Return the whole evaluation, ready for JSON.

    model: in evaluation mode. stranger: an untrained model of the same shape, what every number is beside. count: pictures
    for each half, a multiple of 32.
    """
    halves = {held: make_pictures(Settings(_SEED + held, count, held, networks=False)) for held in (False, True)}
    found: dict[str, object] = {"group": GROUP, "chance": round(1 / GROUP, 4), "pictures": count}
    embedded = {
        who: {h: embed_pictures(who, p.tensor(np.arange(count))) for h, p in halves.items()} for who in (model, stranger)
    }
    cases = {}
    for case in CASES:
        rng = np.random.default_rng([_SEED, CASES.index(case)])
        subjects = halves[case.combinations].subjects
        texts = [caption(subject, rng, case.wordings, case.full) for subject in subjects]
        scores = retrieval(embedded[model][case.combinations], embed_texts(model, texts))
        null = retrieval(embedded[stranger][case.combinations], embed_texts(stranger, texts))
        cases[case.name] = scores | {f"{name}_untrained": value for name, value in null.items()}
    found["retrieval"] = cases
    found["attributes"] = attributes(model, halves[True], embedded[model][True]) | {
        f"{name}_untrained": value
        for name, value in attributes(stranger, halves[True], embedded[stranger][True]).items()
        if not name.endswith("chance")
    }
    own, other = ({mood: seven_pictures(mood, max(2, count // 16), other) for mood in SEVEN} for other in (False, True))
    found["seven"] = seven(model, own, other)
    null = seven(stranger, own, other)
    found["seven"] |= {f"{name}_untrained": null[name] for name in ("right_prompt", "right_pattern")}
    known, unknown = structure((model, stranger), count)
    found["structure"] = known | {f"{name}_untrained": value for name, value in unknown.items()}
    return found


def attributes(model: Motif, pictures: Pictures, images: torch.Tensor) -> dict[str, float]:
    """Return how often the family's word is nearest among all families', and a colour that is there among all colours'."""
    families = embed_texts(model, [words.FAMILY_WORDS[name].trained[0] for name in LEARNT])
    colours = embed_texts(model, list(COLOURS))
    family = (images @ families.T).argmax(1).tolist()
    colour = (images @ colours.T).argmax(1).tolist()
    names = list(COLOURS)
    subjects = pictures.subjects
    return {
        "family": round(float(np.mean([LEARNT[i] == s.family for i, s in zip(family, subjects, strict=True)])), 4),
        "family_chance": round(1 / len(LEARNT), 4),
        "colour": round(float(np.mean([names[i] in s.colours for i, s in zip(colour, subjects, strict=True)])), 4),
        "colour_chance": round(float(np.mean([len(s.colours) for s in subjects])) / len(names), 4),
    }


_SEVEN_LEARNT = {
    "cyberpunk": ("grid", "hexagons", "triangles", "stripes"), "cosmic": ("nebula",), "fire": ("flames",),
    "ocean": ("waves", "caustics", "ripples"), "nature": ("leaves", "branches", "feathers"),
    "glitch": ("glitch", "scanlines"), "pastel": ("clouds",),
}  # fmt: skip


def seven_pictures(mood: str, count: int, other: bool = False, side: int = SIDE) -> torch.Tensor:
    """Return painted pictures of that mood's prompt, float32 [count, 3, side, side]: its family, its colours, its ground.

    other: all the same, but of families that the mood knows nothing of.
    """
    rng = np.random.default_rng([_SEED, sorted(SEVEN).index(mood), other])
    families = tuple(f for f in LEARNT if f not in MOODS[mood].families) if other else _SEVEN_LEARNT[mood]
    found = []
    for _ in range(count):
        subject = replace(draw_subject(rng, mood_share=0.0), mood=mood, **MOODS[mood].fixed)
        subject = replace(subject, family=str(rng.choice(families)), colours=MOODS[mood].schemes[0])
        found.append(paint(subject, rng, side))
    return torch.from_numpy(np.stack(found)).permute(0, 3, 1, 2)


def seven(model: Motif, own: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> dict[str, object]:
    """Return how the seven prompts find their pictures: own and other as from `seven_pictures`, by mood.

    right_prompt: how often a picture's own prompt is nearest among the seven. right_pattern: how often, of a picture and
    one of another family in the same colours, the first is nearer to the prompt.
    """
    texts = embed_texts(model, list(SEVEN.values()))
    prompts, patterns = {}, {}
    for i, mood in enumerate(SEVEN):
        cosines = embed_pictures(model, own[mood]) @ texts.T
        prompts[mood] = round(float((cosines.argmax(1) == i).float().mean()), 3)
        rivals = embed_pictures(model, other[mood]) @ texts[i]
        patterns[mood] = round(float((cosines[:, i, None] > rivals).float().mean()), 3)
    return {
        "right_prompt": round(float(np.mean(list(prompts.values()))), 4),
        "right_prompt_chance": round(1 / len(SEVEN), 4),
        "right_prompt_each": prompts,
        "right_pattern": round(float(np.mean(list(patterns.values()))), 4),
        "right_pattern_chance": 0.5,
        "right_pattern_each": patterns,
    }


def structure(models: Sequence[Motif], count: int, seed: int = _SEED) -> list[dict[str, float]]:
    """Return for each model how often a picture of the right structure is nearer to its words than what has its colours.

    count: pictures, of combinations that no training saw; the words are a family and its colours. other: a picture of
    another family, all else the same; camouflage: warped blobs in the very colours of the picture. By chance each is 0.5.
    """
    rng = np.random.default_rng([seed, 91])
    own, other, texts = [], [], []
    while len(own) < count:
        subject = replace(draw_subject(rng, mood_share=0.0), contrast="high")
        if is_held_out(subject):
            family = str(rng.choice([name for name in LEARNT if name != subject.family]))
            own.append(paint(subject, rng, SIDE))
            other.append(paint(replace(subject, family=family), rng, SIDE))
            texts.append(f"{words.FAMILY_WORDS[subject.family].trained[0]} in {' and '.join(subject.colours)}")
    pictures, rivals = (torch.from_numpy(np.stack(each)).permute(0, 3, 1, 2) for each in (own, other))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        blobs = camouflage(pictures)
    found = []
    for model in models:
        said = embed_texts(model, texts)
        right, wrong, blob = ((embed_pictures(model, each) * said).sum(1) for each in (pictures, rivals, blobs))
        found.append(
            {
                "other": round(float((right > wrong).float().mean()), 4),
                "camouflage": round(float((right > blob).float().mean()), 4),
            }
        )
    return found


def fresh(seed: int, count: int, held_out: bool = True) -> tuple[torch.Tensor, list[Subject]]:
    """Return a few new pictures, float32 [count, 3, 64, 64], and what they show: for tests."""
    found = make_pictures(Settings(seed, count, held_out, networks=False, side=SIDE))
    if any(is_held_out(subject) != held_out for subject in found.subjects):
        raise ValueError("a combination is on the wrong side")
    return found.tensor(np.arange(count)), found.subjects
