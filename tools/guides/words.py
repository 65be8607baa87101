"""What a prompt asks for, as far as colour words and structure words say it: a `Look`, in numbers.

`palette` pulls towards a look and the trainer's report says which words were understood. Longest match first, so that 'hot
pink' is not pink. Reads one data file, `data/colours.txt`; no torch; it never guesses at a word that it does not know.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np

from phosphene.engine.core.errors import UserError
from phosphene.engine.models import colour
from phosphene.tools.motif.subject import COLOURS, MOODS, Mood

Lab = tuple[float, float, float]

_NAMES = Path(__file__).parent / "data" / "colours.txt"
_LONGEST = 4  # words in the longest name of a colour, 'very dark blue green' apart


@dataclass(frozen=True)
class Look:
    """What a picture should measure. None or "" where the words leave it open.

    colours: (share, OKLab), shares summing to 1, the ground not among them; empty: any colours. ground: OKLab of what lies
    behind; ground_share: how much of the picture it fills, 0..1. avoid: OKLab of unwanted colours. contrast: standard
    deviation of L. orientation: 'horizontal', 'vertical', 'diagonal', 'stripes' (any one way), 'rings', 'rays', 'spiral' or
    'even' (no way).
    slope, fineness: as `statistics.spectrum` measures them. symmetry: 'mirror', 'radial' or 'none'.
    understood, ignored: words of the prompt, in its order, articles and the like in neither.
    """

    colours: tuple[tuple[float, Lab], ...]
    ground: Lab
    ground_share: float
    avoid: tuple[Lab, ...] = ()
    contrast: float | None = None
    orientation: str = ""
    slope: float | None = None
    fineness: float | None = None
    symmetry: str = ""
    understood: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()


# Moods that the painted pictures do not have; the same kind of entry as theirs.
EXTRA_MOODS: dict[str, Mood] = {
    "neon": Mood((), (("magenta", "cyan", "lime"), ("pink", "blue")), {"ground": "black", "treatment": "neon"}),
    "vaporwave": Mood((), (("pink", "cyan", "purple"), ("magenta", "lavender")), {"ground": "dark", "treatment": "neon"}),
    "rainbow": Mood((), (("red", "yellow"), ("green", "cyan", "blue"), ("purple",)), {"treatment": "vivid"}),
    "warm": Mood((), (("orange", "red", "gold"),)),
    "cool": Mood((), (("blue", "teal", "cyan"),)),
    "autumn": Mood((), (("orange", "brown", "gold"), ("red", "brown"))),
    "spring": Mood((), (("lime", "pink", "yellow"), ("green", "white")), {"ground": "light"}),
    "night": Mood((), (("navy", "blue", "lavender"),), {"ground": "black"}),
    "deep sea": Mood((), (("navy", "teal", "blue"),), {"ground": "black"}),
    "blood": Mood((), (("red", "brown"),), {"ground": "black", "contrast": "high"}),
    "toxic": Mood((), (("lime", "green", "yellow"),), {"ground": "black", "treatment": "neon"}),
    "tropical": Mood((), (("teal", "orange", "pink"), ("lime", "cyan", "yellow")), {"treatment": "vivid"}),
    "metal": Mood((), (("gray", "white", "navy"),), {"ground": "dark", "contrast": "high", "sharpness": "sharp"}),
}  # fmt: skip

SYNONYMS: dict[str, str] = {
    **dict.fromkeys(("flames", "flame", "fiery", "burning", "inferno", "ember", "embers", "firestorm"), "fire"),
    **dict.fromkeys(("sea", "underwater", "water", "oceanic", "aquatic", "marine", "coral reef", "lagoon"), "ocean"),
    **dict.fromkeys(("deep ocean", "abyss", "abyssal"), "deep sea"),
    **dict.fromkeys(("natural", "organic", "botanical", "moss", "earth", "earthy", "plants"), "nature"),
    **dict.fromkeys(("space", "galaxy", "galactic", "nebula", "universe", "cosmos", "interstellar", "stellar"), "cosmic"),
    **dict.fromkeys(("cyber", "synthwave", "blade runner", "tron"), "cyberpunk"),
    **dict.fromkeys(("retrowave", "outrun"), "vaporwave"),
    **dict.fromkeys(("glitchy", "datamosh", "corrupted"), "glitch"),
    **dict.fromkeys(("dreamy", "dreamlike", "ethereal"), "dream"),
    **dict.fromkeys(("icy", "frozen", "frost", "frosty", "glacier", "glacial", "arctic", "winter", "snow"), "ice"),
    **dict.fromkeys(("dune", "dunes", "sandy", "sahara", "canyon"), "desert"),
    **dict.fromkeys(("regal", "baroque", "luxury", "luxurious"), "royal"),
    **dict.fromkeys(("trippy", "psychedelia", "lsd", "acid"), "psychedelic"),
    **dict.fromkeys(("monochrome", "monochromatic", "greyscale", "grayscale"), "mono"),
    **dict.fromkeys(("northern lights", "borealis"), "aurora"),
    **dict.fromkeys(("magma", "volcano", "volcanic", "molten"), "lava"),
    **dict.fromkeys(("jungle", "woods", "woodland", "rainforest"), "forest"),
    **dict.fromkeys(("dawn", "sunrise", "dusk", "golden hour", "twilight"), "sunset"),
    **dict.fromkeys(("stormy", "thunder", "thunderstorm", "tempest"), "storm"),
    **dict.fromkeys(("candyfloss", "sweets", "bubblegum pop"), "candy"),
    **dict.fromkeys(("circuitry", "matrix", "circuit board", "computer chip"), "circuit"),
    **dict.fromkeys(("multicolored", "multicoloured", "colourful", "colorful", "prismatic", "iridescent"), "rainbow"),
    **dict.fromkeys(("autumnal", "fall leaves"), "autumn"),
    **dict.fromkeys(("nocturnal", "nighttime", "midnight"), "night"),
    **dict.fromkeys(("metallic", "chrome", "steel"), "metal"),
}  # fmt: skip

# What a word of structure fixes. Words of one entry share it; families of patterns stand beside adjectives.
_STRUCTURE: tuple[tuple[str, dict[str, str]], ...] = (
    ("soft smooth blurred blurry gentle hazy foggy misty mist fog diffuse delicate fluffy", {"sharpness": "soft"}),
    ("sharp crisp hard angular jagged spiky edgy fractured geometric geometry geometrical polygons", {"sharpness": "sharp"}),
    ("dense busy intricate detailed complex fractal fractals ornate filigree fine crowded tiny", {"density": "dense"}),
    ("sparse minimal minimalist minimalistic simple empty calm large big huge", {"density": "sparse"}),
    ("contrasty dramatic bold striking stark intense", {"contrast": "high"}),
    ("subtle faint flat low-key understated hushed", {"contrast": "low"}),
    ("horizontal horizon scanlines strata layered", {"orientation": "horizontal"}),
    ("vertical columns pillars rain falling curtain", {"orientation": "vertical"}),
    ("diagonal slanted oblique", {"orientation": "diagonal"}),
    ("stripes stripe striped lines linear streaks bands", {"orientation": "stripes"}),
    ("rings ring concentric circles circular ripples", {"orientation": "rings"}),
    ("tunnel wormhole portal vortex", {"orientation": "rings", "ground": "black"}),
    ("rays ray burst sunburst starburst beams explosion", {"orientation": "rays"}),
    ("spiral spirals swirl swirling swirls whirl", {"orientation": "spiral"}),
    ("radial mandala kaleidoscope kaleidoscopic petals flower flowers rosette", {"symmetry": "radial"}),
    ("symmetric symmetrical symmetry mirror mirrored rorschach", {"symmetry": "mirror"}),
    ("asymmetric asymmetrical irregular chaotic chaos random", {"symmetry": "none"}),
    ("clouds cloud cloudy smoke smoky vapor", {"sharpness": "soft", "orientation": "even"}),
    ("silk silky satin flowing fluid liquid waves wave wavy curtains veils", {"sharpness": "soft"}),
    ("blobs blob bubbles bubble metaballs lamp", {"sharpness": "soft", "density": "sparse"}),
    ("stars star starry constellation sparks", {"density": "dense", "ground": "black", "contrast": "high"}),
    ("lightning bolt bolts electric", {"sharpness": "sharp", "contrast": "high", "ground": "black"}),
    ("checker checkerboard grid lattice hexagons hexagon hexagonal triangles triangle tiles mosaic maze cells cell shards",
     {"sharpness": "sharp", "orientation": "even"}),
    ("dots dot spots polka", {"sharpness": "sharp", "orientation": "even", "density": "dense"}),
    ("leaves branches feathers feather veins roots trees tree", {"density": "dense"}),
    ("marble marbled contours wood grain", {"sharpness": "medium"}),
    ("dark darkness shadowy moody gloomy noir", {"ground": "black"}),
    ("light airy bright-background pale daylight", {"ground": "light"}),
    ("vivid vibrant saturated bright rich", {"treatment": "vivid"}),
    ("glowing glow luminous fluorescent", {"treatment": "neon"}),
    ("muted dusty faded desaturated vintage washed", {"treatment": "muted"}),
)  # fmt: skip
_PHRASES: dict[str, dict[str, str]] = {
    "high contrast": {"contrast": "high"}, "low contrast": {"contrast": "low"},
    "black background": {"ground": "black"}, "dark background": {"ground": "black"}, "black ground": {"ground": "black"},
    "on black": {"ground": "black"}, "on white": {"ground": "white"}, "white background": {"ground": "white"},
    "light background": {"ground": "light"}, "bright background": {"ground": "light"}, "white ground": {"ground": "white"},
}  # fmt: skip
_OPPOSITE = {"soft": "sharp", "sharp": "soft", "dense": "sparse", "sparse": "dense", "high": "low", "low": "high",
             "black": "light", "dark": "light", "light": "black", "white": "black", "mirror": "none", "radial": "none",
             "none": "mirror", "vivid": "muted", "muted": "vivid", "stripes": "even", "horizontal": "vertical",
             "vertical": "horizontal"}  # fmt: skip

_LEAD = re.compile(r"^(mostly|mainly|dominant|predominantly|much)$")
_TOUCH = re.compile(r"^(touch|touches|hint|hints|bit|accent|accents|dash|detail|details|spark|trace|traces)$")
_SILENT = frozenset(
    """a an the of in on with and or by to at from as into over under through like its is are very some no not without high
    low art style abstract pattern patterns colour colours color colors palette hue hues tone tones tinted background ground
    contrast texture textures image picture visual visuals looping loop video generative digital beautiful""".split()  # noqa: SIM905
)

_GROUND_SHARE = {"black": 0.45, "dark": 0.35, "light": 0.3, "white": 0.35}
_GROUND = {"black": "#020204", "dark": "#08080f", "light": "#e8e6ee", "white": "#fbfbfb"}
# Standard deviation of L, set by eye: 0.10 is mist, 0.30 is light on black.
_CONTRAST = {"low": 0.09, "medium": None, "high": 0.28}
# See `statistics.spectrum`, and docs/decisions/palette-guide.md for what known pictures measure.
_SLOPE = {"soft": -4.6, "medium": None, "sharp": -2.6}
_FINENESS = {"sparse": 0.9, "medium": None, "dense": 2.9}


@dataclass
class Heard:
    """The words of a prompt by what they say. shares: [share, hex] of every colour named, in order; avoid: hex of unwanted
    ones; moods: in order; fixed: attribute -> value, as of `Subject`, and orientation."""

    shares: list[list] = field(default_factory=list)
    avoid: list[str] = field(default_factory=list)
    moods: list[str] = field(default_factory=list)
    fixed: dict[str, str] = field(default_factory=dict)
    understood: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)


def look(prompt: str, negative: str = "") -> Look:
    """Return what `prompt` asks for and `negative` forbids.

    Raises UserError where no word of either is known, saying what kinds of words are.
    """
    heard = hear(prompt, negative)
    if not heard.understood:
        raise UserError(
            "the palette guide knows no word of this prompt",
            allowed="names of colours (CSS, xkcd), moods (" + ", ".join(sorted({*MOODS, *EXTRA_MOODS})) + "), "
            "and words of structure such as soft, sharp, dense, minimal, stripes, horizontal, radial, symmetric",
            got=prompt or negative or "nothing",
            remedy="name a colour, or choose another guide",
        )
    return _resolve(heard)


def hear(prompt: str, negative: str = "") -> Heard:
    """Return what the words say, one by one. Any text is fine, and may say nothing."""
    heard = Heard()
    _listen(prompt, heard, unwanted=False)
    _listen(negative, heard, unwanted=True)
    return heard


def is_known(phrase: str) -> bool:
    """Tell whether a phrase, lower case, names a colour or a mood, or says something of structure."""
    return bool(_colour(phrase) or _mood(phrase) or any(form in _structure() for form in _singular(phrase)))


def colour_of(phrase: str) -> str | None:
    """Return the hex of the colour that a phrase, lower case, names; None where it names none."""
    return _colour(phrase)


def is_mood(phrase: str) -> bool:
    """Tell whether a phrase, lower case, names a mood."""
    return _mood(phrase) is not None


def moods() -> dict[str, Mood]:
    """Return every mood by its name."""
    return _moods()


def _listen(text: str, heard: Heard, unwanted: bool) -> None:
    """Add what `text` says. No phrase crosses a comma, a slash or the like."""
    for part in re.split(r"[^\w\s'-]+", text.lower()):
        words = re.findall(r"[a-z]+", part)
        share, no, at = 1.0, unwanted, 0
        while at < len(words):
            for length in range(min(_LONGEST, len(words) - at), 0, -1):
                phrase = " ".join(words[at : at + length])
                if _take(phrase, heard, share, no):
                    heard.understood.append(phrase)
                    share, no = 1.0, unwanted
                    break
            else:
                length, word = 1, words[at]
                if word in ("no", "not", "without"):
                    no = True
                elif _LEAD.match(word):
                    share = 2.5
                elif _TOUCH.match(word):
                    # 'a touch of gold' speaks of what follows, 'gold accents' of what went before.
                    if words[at + 1 : at + 2] == ["of"] or not heard.shares:
                        share = 0.3
                    else:
                        heard.shares[-1][0] = 0.3
                elif word not in _SILENT:
                    heard.ignored.append(word)
            at += length


def _take(phrase: str, heard: Heard, share: float, unwanted: bool) -> bool:
    """Add one phrase to what was heard; False where it means nothing."""
    table = _structure()
    fixed = next((table[form] for form in _singular(phrase) if form in table), {})
    if unwanted:
        fixed = {key: _OPPOSITE[value] for key, value in fixed.items() if value in _OPPOSITE}
    mood = _mood(phrase)
    hexed = None if fixed or mood else _colour(phrase)
    if hexed:
        first = phrase.split(" ")[0]
        if unwanted:
            heard.avoid.append(hexed)
        else:
            heard.shares.append([share, hexed])
            if first in ("neon", "pastel") and first != phrase:
                heard.fixed.setdefault("treatment", first)
                heard.fixed.setdefault("ground", "black" if first == "neon" else "light")
    if mood and unwanted:
        heard.avoid += [COLOURS[name] for scheme in _moods()[mood].schemes for name in scheme]
    elif mood:
        heard.moods.append(mood)
    for key, value in fixed.items():
        # What is wanted has the last word over what is not.
        heard.fixed[key] = heard.fixed.get(key, value) if unwanted else value
    return bool(fixed or mood or hexed)


def _resolve(heard: Heard) -> Look:
    moods = [_moods()[name] for name in heard.moods]
    fixed = {key: value for mood in reversed(moods) for key, value in mood.fixed.items()} | heard.fixed
    shares = [(share, hexed) for share, hexed in heard.shares] or _mood_shares(moods)
    dark, light = (_near(shares, name) for name in ("black", "white"))
    coloured = [(share, hexed) for share, hexed in shares if hexed != COLOURS["black"]]
    ground = fixed.get("ground") or ("light" if light and not dark else "dark")
    if dark and coloured:
        ground = fixed.get("ground", "black")
    ground_share = _GROUND_SHARE[ground]
    if dark:
        # Black was named as one of the colours: it gets its part of the picture, but never all of it.
        ground_share = min(0.7, max(ground_share, dark / max(sum(s for s, _ in shares), 1e-9)))
    if fixed.get("treatment") == "pastel" and "ground" not in fixed:
        ground, ground_share = "light", _GROUND_SHARE["light"]
    if shares and not coloured:
        coloured, ground_share = [(1.0, "#1c1c22")], 0.7
    total = sum(share for share, _ in coloured)
    treat = fixed.get("treatment", "plain")
    return Look(
        colours=tuple((share / total, _treated(hexed, treat)) for share, hexed in coloured),
        ground=_lab(_GROUND[ground]),
        ground_share=ground_share,
        avoid=tuple(_lab(hexed) for hexed in heard.avoid),
        contrast=_CONTRAST[fixed.get("contrast", "medium")],
        orientation=fixed.get("orientation", ""),
        slope=_SLOPE[fixed.get("sharpness", "medium")],
        fineness=_FINENESS[fixed.get("density", "medium")],
        symmetry=fixed.get("symmetry", ""),
        understood=tuple(heard.understood),
        ignored=tuple(heard.ignored),
    )


def _near(shares: list[tuple[float, str]], name: str) -> float:
    return sum(share for share, hexed in shares if hexed == COLOURS[name])


def _mood_shares(moods: list[Mood]) -> list[tuple[float, str]]:
    """Return every colour of the moods' schemes; the first of a scheme counts most."""
    shares: dict[str, float] = {}
    for mood in moods:
        for scheme in mood.schemes:
            for place, name in enumerate(scheme):
                shares[COLOURS[name]] = shares.get(COLOURS[name], 0.0) + 1.0 / (place + 1) / len(mood.schemes)
    return [(share, hexed) for hexed, share in shares.items()]


def _treated(hexed: str, treatment: str) -> Lab:
    lightness, a, b = _lab(hexed)
    if treatment == "pastel":
        lightness, a, b = 0.6 * 0.9 + 0.4 * lightness, a * 0.5, b * 0.5
    elif treatment in ("neon", "vivid"):
        lightness, a, b = max(lightness, 0.6 if treatment == "neon" else lightness), a * 1.25, b * 1.25
    elif treatment == "muted":
        a, b = a * 0.6, b * 0.6
    inside = colour.oklab(colour.oklab_to_srgb(np.array([lightness, a, b])))
    return (float(inside[0]), float(inside[1]), float(inside[2]))


def _lab(hexed: str) -> Lab:
    lightness, a, b = colour.oklab(colour.from_hex(hexed))
    return (float(lightness), float(a), float(b))


def _singular(phrase: str) -> tuple[str, ...]:
    """Return the phrase and what it may be the plural or the -y and -ish form of."""
    endings = [e for e in ("es", "s", "ish", "y") if phrase.endswith(e) and len(phrase) > len(e) + 2]
    return (phrase, *(phrase[: -len(e)] for e in endings))


def _mood(phrase: str) -> str | None:
    for form in _singular(phrase):
        name = SYNONYMS.get(form, form)
        if name in _moods():
            return name
    return None


def _colour(phrase: str) -> str | None:
    names = _colours()
    return next((names[form] for form in _singular(phrase.replace(" ", "")) if form in names), None)


@cache
def _moods() -> dict[str, Mood]:
    return {**EXTRA_MOODS, **MOODS}


@cache
def _structure() -> dict[str, dict[str, str]]:
    table = {word: fixed for words, fixed in _STRUCTURE for word in words.split()}
    return {**table, **_PHRASES}


@cache
def _colours() -> dict[str, str]:
    """Return letters of the name -> hex. The painted pictures' own middles win over the survey, the survey over CSS."""
    names: dict[str, str] = {}
    for line in _NAMES.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            code, name = line.split(" ", 1)
            names.setdefault(re.sub(r"[^a-z]", "", name), f"#{code}")
    names.update(COLOURS)
    names["grey"] = COLOURS["gray"]
    return names
