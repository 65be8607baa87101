"""What a prompt wants painted: families of patterns, in its colours, on its ground, as `Subject`s.

Read by the guide `texture` where there are words and no pictures (`painted`). Longest match first, over the words of
`tools.motif.words`, their singulars and plurals, and the synonyms here. Colours, moods and adjectives are heard by `words`.
It never guesses at a word that it does not know. Pure functions; no torch.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache

import numpy as np

from phosphene.engine.models.colour import from_hex, oklab
from phosphene.tools.guides import words
from phosphene.tools.guides.words import Heard
from phosphene.tools.motif.subject import COLOURS, FAMILIES, MOODS, Subject
from phosphene.tools.motif.words import COLOUR_WORDS, FAMILY_WORDS, GROUP_ADJECTIVES, GROUP_NOUNS

MOST = 2  # structures of one board: each has half of the pictures
_LONGEST = 4  # words of a phrase
_MOST_UNKNOWN = 6  # words that a line names

# Further words for families, beside those that captions use. One that names a colour, too (brick), is a family's here.
SYNONYMS: dict[str, str] = {
    "stripes": "pinstripe, zebra, zebra stripe, barcode, chevron, zigzag, ribbon",
    "waves": "ocean wave, sea wave, wave pattern, sine wave, sea swell",
    "checker": "chess, chess pattern, harlequin, checkered floor, checkered flag",
    "grid": "wire grid, wireframe, square grid, neon grid, net",
    "hexagons": "honey comb, beehive, hive, hex grid, hex tile, hexagonal cell, hexagonal pattern",
    "triangles": "triangular pattern, low poly, polygon, facet",
    "dots": "polka, polka dotted, halftone, circle grid, disc, disk",
    "bubbles": "sphere, ball, bokeh, foam, glass ball",
    "cells": "voronoi, voronoi diagram, voronoi pattern, cracked earth, cracked mud, giraffe, microscope cell",
    "shards": "ice shard, crystal, splintered ice, shattered glass, shattered ice, gem, gemstone, diamond",
    "rings": "ring, concentric ring, bullseye, concentric wave, target",
    "rays": "ray, ray of light, light ray, beam, beam of light, sun ray, rising sun, burst",
    "spiral": "whirl, helix, twirl, galaxy spiral, hypnotic spiral",
    "petals": "mandala, lotus, daisy, floral pattern, sunflower",
    "tunnel": "time tunnel, tube, vault",
    "clouds": "cloud, sky, fog, haze",
    "smoke": "steam, vapor, wisp",
    "nebula": "milky way, cosmic gas, space gas, gas cloud, stardust",
    "stars": "star, star field, starry night, starry night sky, constellation",
    "flames": "flame, bonfire, campfire, wall of fire, fire wall, torch",
    "lightning": "bolt, thunderbolt, lightning storm, tesla coil, plasma arc, electric arc",
    "caustics": "pool, swimming pool, water caustic, water surface, light under water",
    "ripples": "raindrop, drop of water, water ripple, puddle",
    "marble": "ink, agate, malachite, ink in water, ebru",
    "silk": "cloth, fabric, velvet, drape, curtain, satin, veil",
    "wood": "oak, plank, board, tree ring, growth ring, pine wood, bark",
    "branches": "bare tree, twig, coral, root, fractal tree",
    "leaves": "leaf, fern, palm leaf, monstera, jungle leaf",
    "contours": "contour, isoline, topographic line, topographic contour, map line",
    "glitch": "glitch art, broken screen, pixel sort, data moshing",
    "scanlines": "scanline, crt, crt screen, old television, old monitor",
    "blobs": "lava blob, ferrofluid, amoeba, oil blob",
    "feathers": "feather, plume, peacock, peacock feather",
    "maze": "truchet, labyrinth, reaction diffusion",
    "scales": "scale, snake skin, snakeskin, dragon skin, dragon, fish skin, mermaid, lizard, crocodile, roof tile",
    "lace": "filigree, tatting, lace curtain, lace doily, macrame",
    "circuits": "circuit, circuit board, circuitry, pcb, printed circuit, microchip, motherboard, computer chip",
    "veins": "vein, artery, nerve, neuron, blood vessel, root network, leaf skeleton",
    "glass": "church glass, rose window, stained glass window, church window, mosaic glass, glass pane",
    "bricks": "brick, cobblestone, paving, pavement, stone wall, wall, herringbone",
    "weave": "woven, wicker, basket, burlap, canvas, knit, knitted, textile, linen, braid, tartan",
    "tiles": "tile, mosaic, azulejo, moroccan tile, ornament, kaleidoscope pattern, girih, rosette pattern",
}  # fmt: skip

# The colours of a family where the words name none. Others are drawn from `_SCHEMES`.
NATURAL: dict[str, str] = {
    "hexagons": "gold orange", "wood": "orange brown", "leaves": "green lime", "flames": "orange red yellow",
    "caustics": "cyan teal", "lightning": "white lavender", "stars": "white lavender", "nebula": "purple magenta blue",
    "ripples": "teal cyan", "checker": "white", "marble": "white gray", "clouds": "white blue", "smoke": "white gray",
    "branches": "gold brown", "bubbles": "cyan lavender", "waves": "cyan blue", "petals": "pink magenta gold",
    "silk": "red orange", "feathers": "teal green gold", "blobs": "orange red", "contours": "lime teal",
    "scanlines": "lime green", "scales": "lime teal", "lace": "white", "circuits": "lime gold", "veins": "red orange",
    "glass": "red blue gold", "bricks": "red orange", "weave": "gold brown", "tiles": "cyan gold white",
    "glitch": "magenta cyan white", "shards": "cyan white",
}  # fmt: skip
_SCHEMES = (
    ("magenta", "cyan"), ("orange", "teal"), ("gold", "purple"), ("lime", "blue"), ("red", "white"), ("cyan", "pink"),
)  # fmt: skip
_ARTICLES = frozenset(("a", "an", "the", "very", "plain", "pure"))
_NOT = frozenset(("no", "not", "without"))


@dataclass(frozen=True)
class Asked:
    """subjects: what is to be painted, at most `MOST`, none where no word names a structure; unknown: words that say nothing
    here; left: families that were named and are one too many."""

    subjects: tuple[Subject, ...]
    unknown: tuple[str, ...] = ()
    left: tuple[str, ...] = ()

    def lines(self) -> tuple[str, ...]:
        """Return what a person should be told: what is painted, and which words count for nothing."""
        said = [f"painted for: {described(self.subjects)}"] if self.subjects else []
        if self.left:
            said.append(f"a board has {MOST} structures at most: without {', '.join(self.left)}")
        if self.unknown:
            more = ", ..." if len(self.unknown) > _MOST_UNKNOWN else ""
            said.append(f"these words paint nothing: {', '.join(self.unknown[:_MOST_UNKNOWN])}{more}")
        return tuple(said)


def described(subjects: tuple[Subject, ...]) -> str:
    """Return "hexagons in gold and orange on black", with the treatment and so on where they are no ordinary ones."""
    first = subjects[0]
    usual = Subject("", (), contrast="high", sharpness="sharp")
    kinds = [getattr(first, name) for name in ("treatment", "density") if getattr(first, name) != getattr(usual, name)]
    kinds += ["soft"] if first.sharpness == "soft" else []
    kinds += {"mirror": ["mirrored"], "radial": ["kaleidoscopic"]}.get(first.symmetry, [])
    families = " and ".join(subject.family for subject in subjects)
    contrast = f", {first.contrast} contrast" if first.contrast != "high" else ""
    return f"{' '.join([*kinds, families])} in {', '.join(first.colours)} on {first.ground}{contrast}"


@dataclass
class _Found:
    """families, groups: named, in order; no: families that are not wanted; ground: after "on"; rest: words for `words.hear`;
    used: words that name a family or a group."""

    families: list[str] = field(default_factory=list)
    groups: list[frozenset[str]] = field(default_factory=list)
    no: set[str] = field(default_factory=set)
    ground: str = ""
    rest: list[str] = field(default_factory=list)
    used: set[str] = field(default_factory=set)


def asked(prompt: str, negative: str = "", seed: int = 0) -> Asked:
    """Return what the words ask to be painted.

    seed: chooses where the words leave it open: among the families of a mood, and colours that are not named.
    """
    found, unwanted = _search(prompt), _search(negative)
    no = found.no | set(unwanted.families)
    heard = words.hear(" ".join(found.rest), " ".join(unwanted.rest))
    named = [name for name in dict.fromkeys(found.families) if name not in no]
    families = named or _of_groups_and_moods(found, heard, no, seed)
    unknown = tuple(dict.fromkeys(word for word in heard.ignored if word not in found.used | unwanted.used))
    subjects = tuple(_subject(family, heard, found.ground, seed) for family in families[:MOST])
    if len(subjects) > 1:  # one board has one light: the colours and the ground of the first
        first = subjects[0]
        subjects = (first, *(_alike(other, first) for other in subjects[1:]))
    return Asked(subjects, unknown, tuple(named[MOST:]))


def _alike(subject: Subject, first: Subject) -> Subject:
    return Subject(**{**vars(first), "family": subject.family})


def _of_groups_and_moods(found: _Found, heard: Heard, no: set[str], seed: int) -> list[str]:
    """Return the families that a word for several (geometric) and a mood (cyberpunk) share, or those of either."""
    moods = [name for name in heard.moods if name in MOODS and len(MOODS[name].families) < len(FAMILIES)]
    of_moods = list(dict.fromkeys(family for name in moods for family in MOODS[name].families if family not in no))
    of_groups = [family for family in FAMILIES if any(family in group for group in found.groups) and family not in no]
    families = [family for family in of_moods if family in of_groups] or of_moods or of_groups
    if not families:  # a kaleidoscope of nothing is an ornament
        return ["tiles"] if heard.fixed.get("symmetry") == "radial" and "tiles" not in no else []
    start = seed * MOST % len(families)
    return (families[start:] + families[:start])[:MOST]


def _subject(family: str, heard: Heard, ground: str, seed: int) -> Subject:
    mooded = [words.moods()[name] for name in heard.moods]
    fixed = {key: value for mood in reversed(mooded) for key, value in mood.fixed.items()} | heard.fixed
    fixed |= {"ground": ground} if ground else {}
    avoided = {_nearest(hexed) for hexed in heard.avoid}
    shares: dict[str, float] = {}
    for share, hexed in heard.shares:
        name = _nearest(hexed)
        shares[name] = shares.get(name, 0.0) + share
    colours = [name for name in sorted(shares, key=lambda name: -shares[name]) if name not in avoided]
    if not colours:
        schemes = [scheme for mood in mooded for scheme in mood.schemes]
        natural = NATURAL.get(family)
        if schemes:
            colours = list(schemes[seed % len(schemes)])
        elif natural:
            colours = natural.split()
        else:
            colours = list(_SCHEMES[(seed + FAMILIES.index(family)) % len(_SCHEMES)])
        colours = [name for name in colours if name not in avoided] or ["white"]
    if colours == ["black"]:  # nobody sees black on black
        fixed = {"ground": "white"} | fixed
        if fixed["ground"] in ("black", "dark"):
            colours = ["gray"]
    elif "black" in colours and fixed.get("ground", "black") in ("black", "dark"):
        colours = [name for name in colours if name != "black"]  # it is the ground
    if colours == ["white"] and fixed.get("ground") in ("white", "light"):
        colours = ["gray"]
    usual = {"contrast": "high", "sharpness": "sharp", "ground": "light" if fixed.get("treatment") == "pastel" else "black"}
    told = {key: value for key, value in (usual | fixed).items() if key in Subject.__dataclass_fields__}
    return Subject(family, tuple(colours[:3]), **told)


def _nearest(hexed: str) -> str:
    """Return the name in `COLOURS` of a colour: that of the word for it, or else the nearest."""
    if hexed in _named():
        return _named()[hexed]
    away = (
        (_hues(oklab(np.stack([from_hex(value) for value in COLOURS.values()]))) - _hues(oklab(from_hex(hexed)))) ** 2
    ).sum(1)
    return list(COLOURS)[int(away.argmin())]


def _hues(lab: np.ndarray) -> np.ndarray:
    """Return OKLab colours [..., 3] so that a dark green is nearer to green than to brown: half the lightness, and chroma in
    proportion to light. Of 68 words for colours in captions, 62 are nearest to their own; by OKLab alone 53."""
    lightness = lab[..., 0]
    return np.stack([0.5 * lightness, 0.9 * lab[..., 1] / (lightness + 0.3), 0.9 * lab[..., 2] / (lightness + 0.3)], -1)


@cache
def _named() -> dict[str, str]:
    """Return hex -> name, of all words that captions use for a colour."""
    table = {hexed: name for name, said in COLOUR_WORDS.items() for word in said.trained if (hexed := words.colour_of(word))}
    return table | {hexed: name for name, hexed in COLOURS.items()}


def _search(text: str) -> _Found:
    """Return what the words of a text name. No phrase crosses a comma, a slash or the like."""
    found = _Found()
    for part in re.split(r"[^\w\s'-]+", text.lower()):
        spoken = re.findall(r"[a-z]+", part)
        at, no = 0, False
        while at < len(spoken):
            if spoken[at] == "on" and (length := _ground(spoken[at + 1 :], found)):
                at += 1 + length
                continue
            for length in range(min(_LONGEST, len(spoken) - at), 0, -1):
                phrase = " ".join(spoken[at : at + length])
                if _take(phrase, found, no):
                    no = False
                    break
                if words.is_known(phrase):
                    found.rest.append(phrase)
                    no = False
                    break
            else:
                length = 1
                no = no or spoken[at] in _NOT
                found.rest.append(spoken[at])
            at += length
        found.rest.append(",")
    return found


def _take(phrase: str, found: _Found, no: bool) -> bool:
    """Note a phrase that names a family or a group; False where it names none."""
    family, group = _families().get(phrase), _groups().get(phrase)
    if family is None and group is None:
        return False
    found.used.update(phrase.split())
    if family is None:
        found.groups.append(group)
    elif no:
        found.no.add(family)
    else:
        found.families.append(family)
    # A mood is heard as well: flames have colours. No more than that: a blue brick wall is not half brick red, and that dots
    # are fine says nothing of what lies beside them.
    found.rest.append(phrase if words.is_mood(phrase) else ",")
    return True


def _ground(spoken: list[str], found: _Found) -> int:
    """Note the ground where words after "on" name a dark or light colour; return how many they are, 0 where they do not."""
    skipped = next((k for k, word in enumerate(spoken) if word not in _ARTICLES), len(spoken))
    for length in range(3, 0, -1):
        hexed = words.colour_of(" ".join(spoken[skipped : skipped + length])) if len(spoken) >= skipped + length else None
        if hexed is None:
            continue
        lightness, a, b = oklab(from_hex(hexed))
        if 0.4 < lightness < 0.78:
            return 0
        pale = np.hypot(a, b) < 0.03
        if lightness >= 0.78:
            found.ground = "white" if lightness > 0.96 and pale else "light"
        else:
            found.ground = "black" if lightness < 0.2 else "dark"
        behind = spoken[skipped + length : skipped + length + 1]
        return skipped + length + (behind in (["background"], ["ground"], ["backdrop"]))
    return 0


def _forms(phrase: str) -> Iterator[str]:
    """Yield the phrase with its last word as it is, in the singular and in the plural."""
    yield phrase
    if phrase.endswith("ves"):
        yield phrase[:-3] + "f"
    if phrase.endswith("ies"):
        yield phrase[:-3] + "y"
    if phrase.endswith(("shes", "ches", "xes", "sses")):
        yield phrase[:-2]
    elif phrase.endswith("s") and not phrase.endswith("ss"):
        yield phrase[:-1]
    yield (
        phrase[:-1] + "ies" if phrase.endswith("y") else phrase + ("es" if phrase.endswith(("s", "sh", "ch", "x")) else "s")
    )


@cache
def _families() -> dict[str, str]:
    """Return phrase -> family. What people say in training captions comes before its plurals, and both before synonyms."""
    table: dict[str, str] = {}
    said = {name: (*FAMILY_WORDS[name].trained, *FAMILY_WORDS[name].kept, name) for name in FAMILIES}
    for name in FAMILIES:
        table |= {_bare(phrase): name for phrase in said[name]}
    further = {name: SYNONYMS.get(name, "").split(",") for name in FAMILIES}
    for source in (said, further):
        for name in FAMILIES:
            for phrase in source[name]:
                for form in _forms(_bare(phrase)) if phrase.strip() else ():
                    table.setdefault(form, name)
    return table


@cache
def _groups() -> dict[str, frozenset[str]]:
    table: dict[str, frozenset[str]] = {}
    for name, (wording, families) in GROUP_NOUNS.items():
        if name == "texture":  # which says nothing: any of these is one
            continue
        adjectives = GROUP_ADJECTIVES[name]
        for phrase in (*wording.trained, *wording.kept, *adjectives.trained, *adjectives.kept):
            table.setdefault(_bare(phrase), families - {"abstract"})
    return table


def _bare(phrase: str) -> str:
    return " ".join(re.findall(r"[a-z]+", phrase.lower()))
