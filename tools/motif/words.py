"""The words that people use for what `subject` names: what training captions say, and what is kept back to test with.

Data only, read by `captions`; no torch, no randomness. `trained` is what captions say in training. `kept` never occurs in
a training caption (a test samples thousands): each is another form of a trained word, or a new pair of known parts, so
that a reader of subwords has a chance and a reader of whole words has none.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Wording:
    """Ways to say one thing. trained: in training captions; kept: only in held-out captions, may be empty."""

    trained: tuple[str, ...]
    kept: tuple[str, ...] = ()


def _w(trained: str, kept: str = "") -> Wording:
    """Return a Wording from two lists separated by commas."""
    return Wording(tuple(s.strip() for s in trained.split(",")), tuple(s.strip() for s in kept.split(",")) if kept else ())


# Nouns that can follow an adjective and precede "in red and blue". `abstract` is no painter's family: it names the
# renders of networks, of which nothing but their colours is known.
FAMILY_WORDS: dict[str, Wording] = {
    "stripes": _w("stripes, bands, lines, bars, striped pattern, parallel lines", "striping, banded lines, stripy pattern"),
    "waves": _w("waves, swell, wavy lines, undulating waves, rolling waves, surf", "waviness, wavy swells, undulation"),
    "checker": _w(
        "checkerboard, checkered pattern, chessboard, checks, checkered squares",
        "checkers, chequerboard, chessboards",
    ),
    "grid": _w("grid, lattice, wireframe grid, mesh, grid lines", "gridwork, latticework, meshes"),
    "hexagons": _w("hexagons, honeycomb, hexagonal tiles, hexagonal grid", "hexagon cells, honeycombs, hexagonals"),
    "triangles": _w("triangles, triangular tiles, low poly facets, triangle mosaic", "triangular mosaics, triangle tiling"),
    "dots": _w("dots, polka dots, spots, halftone dots, points", "dotted pattern, spotted pattern, dottedness"),
    "bubbles": _w(
        "bubbles, orbs, floating spheres, soap bubbles, bokeh circles",
        "bubbly spheres, soapy bubbles, bubbling orbs",
    ),
    "cells": _w("cells, voronoi cells, cellular pattern, cell tissue", "cellular tissue, voronoi tissue, cellularity"),
    "shards": _w(
        "shards, splinters, broken glass, crystals, crystal facets",
        "glass shards, splintered glass, crystalline shards",
    ),
    "rings": _w("rings, concentric circles, circles, target rings", "ringed circles, concentric rings, encircling rings"),
    "rays": _w("rays, sunburst, light beams, radiating beams, starburst", "beaming rays, sunbursts, sunbeams"),
    "spiral": _w("spiral, swirl, vortex, whirlpool, twisting spiral", "spirals, swirling vortex, spiralling twist"),
    "petals": _w("petals, flower, mandala flower, blossom, rosette", "flowers, blossoms, petalled flower"),
    "tunnel": _w("tunnel, wormhole, corridor, endless tunnel, portal", "tunnels, tunnelling, endless corridors"),
    "clouds": _w("clouds, cloudy sky, cumulus, cotton clouds, mist", "cloudscape, cloudy mists, cloudiness"),
    "smoke": _w("smoke, fumes, wisps of smoke, vapour, drifting smoke", "smoky wisps, smoke fumes, smokiness"),
    "nebula": _w("nebula, galaxy, interstellar cloud, nebulae, cosmic dust cloud", "nebulous galaxy, galaxy dust, nebulas"),
    "stars": _w("stars, starfield, night sky, twinkling stars, constellations", "starry sky, starlight, starscape"),
    "flames": _w("flames, fire, blaze, burning fire, tongues of flame", "flame tongues, fires, flaming blaze"),
    "lightning": _w(
        "lightning, electric arcs, lightning bolts, electricity, sparks",
        "electrified lightning, electrical bolts, lightnings",
    ),
    "caustics": _w(
        "caustics, water light patterns, pool light, light on water, sunlight through water",
        "watery light, caustic patterns, pool lights",
    ),
    "ripples": _w("ripples, water rings, rippling water, drops on water", "ripple rings, rippled water, waterdrops"),
    "marble": _w("marble, marbling, marble veins, swirled ink, marbled paper", "marbled ink, veined marble, ink swirls"),
    "silk": _w("silk, flowing fabric, satin folds, veils, draped cloth", "silken folds, silky satin, fabric veils"),
    "wood": _w("wood, wood grain, timber, tree rings, wooden boards", "woodgrain, wooden grain, timbers"),
    "branches": _w(
        "branches, tree, roots, branching tree, twigs, fractal trees",
        "tree branches, rooted branches, branchwork",
    ),
    "leaves": _w("leaves, fern, fractal foliage, foliage, leafy plants", "ferns, leaf foliage, leafage"),
    "contours": _w("contours, contour lines, topographic map, height lines", "contoured map, topography, map contours"),
    "glitch": _w(
        "glitch, glitch blocks, pixel errors, datamosh, pixel sorting, corrupted blocks",
        "glitches, glitched pixels, pixel glitching",
    ),
    "scanlines": _w(
        "scanlines, crt lines, tv lines, video static, screen lines",
        "scanline static, crt scanning, tv static",
    ),
    "blobs": _w("blobs, metaballs, lava lamp, liquid blobs, amoebas", "blobby liquid, lamp blobs, metaball drops"),
    "feathers": _w("feathers, plumes, plumage, soft fibres, fur", "feathery plumes, feathering, plume fibres"),
    "maze": _w("maze, labyrinth, maze pattern, turing pattern", "mazes, labyrinths, labyrinthine pattern"),
    "scales": _w(
        "scales, fish scales, dragon scales, reptile skin, overlapping scales",
        "scaly skin, scaled pattern, reptilian scales",
    ),
    "lace": _w("lace, lacework, doily, crochet, lace pattern", "lacy net, doilies, crocheted lace"),
    "circuits": _w(
        "circuit traces, printed board, circuit lines, conductor paths, wiring",
        "circuit wiring, traced circuit, printed wiring",
    ),
    "veins": _w("veins, blood vessels, leaf veins, vein network, capillaries", "veiny network, vessels, vascular net"),
    "glass": _w(
        "stained glass, church window, leaded glass, glass mosaic, cathedral window",
        "stained windows, leadlight, glass panes",
    ),
    "bricks": _w("bricks, brick wall, brickwork, masonry, paving bricks", "brick courses, walled bricks, bricklaying"),
    "weave": _w(
        "weave, woven bands, basket weave, wickerwork, woven threads",
        "weaving, woven basket, interwoven threads",
    ),
    "tiles": _w(
        "ornament tiles, moorish tiles, arabesque, star tiles, ornamental pattern",
        "tiled ornament, arabesques, mosaic ornament",
    ),
    "abstract": _w(
        "abstract shapes, abstract forms, abstract gradients, smooth shapes, abstract art",
        "abstraction, abstractly smooth forms",
    ),
}  # fmt: skip

# What several families are together: said instead of the family, or before it.
GROUP_NOUNS: dict[str, tuple[Wording, frozenset[str]]] = {
    "geometric": (
        _w(
            "geometric patterns, geometric shapes, geometry, geometric pattern, geometric lines",
            "geometrical forms, geometries",
        ),
        frozenset(
            "stripes checker grid hexagons triangles dots rings tunnel maze shards bricks weave tiles circuits".split()  # noqa: SIM905
        ),
    ),
    "fractal": (
        _w("fractals, fractal patterns, fractal shapes, fractal", "fractal forms, fractalling"),
        frozenset(("branches", "leaves", "feathers", "contours", "cells", "spiral", "petals", "veins")),
    ),
    "organic": (
        _w("organic shapes, organic forms, natural shapes, organic textures", "organic growth, organically shaped forms"),
        frozenset(
            ("leaves", "branches", "feathers", "cells", "blobs", "wood", "bubbles", "petals", "scales", "veins", "abstract")
        ),
    ),
    "flowing": (
        _w("flowing shapes, flowing forms, fluid shapes, liquid flow, flow", "fluid flows, flowy shapes"),
        frozenset(("waves", "silk", "smoke", "flames", "marble", "caustics", "blobs", "clouds", "abstract")),
    ),
    "texture": (
        _w("texture, textured surface, abstract texture", "texturedness, texturing"),
        frozenset(
            "marble wood caustics cells maze feathers scanlines contours scales lace bricks weave".split()  # noqa: SIM905
        ),
    ),
}  # fmt: skip
GROUP_ADJECTIVES: dict[str, Wording] = {
    "geometric": _w("geometric, angular, regular", "geometrical"),
    "fractal": _w("fractal, self-similar, branching", "fractally"),
    "organic": _w("organic, natural, grown", "organically"),
    "flowing": _w("flowing, fluid, liquid, swirling, drifting", "flowy, overflowing"),
    "texture": _w("textured", "texturised"),
}

# Singular words; `captions` makes the plurals ("reds") that people write in prompts.
COLOUR_WORDS: dict[str, Wording] = {
    "red": _w("red, red, crimson, scarlet, ruby", "reddish, red-tinted"),
    "orange": _w("orange, orange, tangerine, amber", "orangish, orange-tinted"),
    "yellow": _w("yellow, yellow, lemon, sunny yellow", "yellowish, yellow-tinted"),
    "gold": _w("gold, golden", "goldish, gold-tinted"),
    "green": _w("green, green, emerald, forest green", "greenish, green-tinted"),
    "lime": _w("lime, lime green, acid green, chartreuse", "limeish, lime-tinted"),
    "teal": _w("teal, teal, turquoise, petrol", "tealish, teal-tinted"),
    "cyan": _w("cyan, cyan, aqua, sky blue", "cyanish, cyan-tinted"),
    "blue": _w("blue, blue, azure, cobalt, royal blue", "bluish, blue-tinted"),
    "navy": _w("navy, navy blue, dark blue, midnight blue, indigo", "navyish, navy-tinted"),
    "purple": _w("purple, purple, violet, ultraviolet", "purplish, purple-tinted"),
    "lavender": _w("lavender, lavender, lilac, mauve", "lavenderish, lavender-tinted"),
    "magenta": _w("magenta, magenta, fuchsia, hot pink", "magentaish, magenta-tinted"),
    "pink": _w("pink, pink, rose, rosy pink", "pinkish, pink-tinted"),
    "brown": _w("brown, brown, chocolate, earth brown, rust", "brownish, brown-tinted"),
    "white": _w("white, white, snow white, ivory", "whitish, white-tinted"),
    "gray": _w("gray, grey, silver, ash", "grayish, greyish"),
    "black": _w("black, black, jet black, ebony", "blackish, black-tinted"),
}

# Adjectives go before the noun; phrases after it.
TREATMENT_ADJECTIVES: dict[str, Wording] = {
    "plain": _w("plain, simple, natural-coloured", "plainly coloured"),
    "vivid": _w("vivid, vibrant, saturated, bold, colourful, intense", "vividly coloured, vibrantly saturated"),
    "neon": _w("neon, glowing, luminous, electric, fluorescent", "neon-lit, glow-in-the-dark, luminescent"),
    "pastel": _w("pastel, pale, soft-coloured, powdery, light pastel", "pastelly, paler"),
    "muted": _w("muted, desaturated, faded, dull, washed out, subdued", "mutedly faded, desaturating"),
}
SHARPNESS_ADJECTIVES: dict[str, Wording] = {
    "soft": _w("soft, blurry, smooth, hazy, blurred, out of focus", "softly blurred, softened, smoothed"),
    "medium": _w("clear, slightly soft"),
    "sharp": _w("sharp, crisp, hard-edged, detailed, clean", "sharpened, crisply edged, sharply detailed"),
}
DENSITY_ADJECTIVES: dict[str, Wording] = {
    "sparse": _w("sparse, few, large, minimal, wide", "sparsely placed, minimalistic"),
    "medium": _w("evenly spread, medium-sized"),
    "dense": _w("dense, many, fine, busy, packed, tiny", "densely packed, finely crowded"),
}
SYMMETRY_ADJECTIVES: dict[str, Wording] = {
    "none": _w("asymmetric, irregularly placed"),
    "mirror": _w("mirrored, symmetrical, mirror-symmetric, reflected", "symmetrically reflected, mirror-like"),
    "radial": _w("kaleidoscopic, radial, radially symmetric, mandala-like", "kaleidoscope, radially mirrored"),
}
CONTRAST_PHRASES: dict[str, Wording] = {
    "low": _w("with low contrast, low contrast, gentle contrast, subtle", "contrastless, lowered contrast"),
    "medium": _w("with medium contrast, moderate contrast"),
    "high": _w("with high contrast, high contrast, strong contrast, stark, dramatic light", "highly contrasted, contrasty"),
}
GROUND_PHRASES: dict[str, Wording] = {
    "black": _w("on black, on a black background, against black, black background", "on a black backdrop, over blackness"),
    "dark": _w("on a dark background, dark, dark background, against darkness", "on a dark backdrop, darkened"),
    "light": _w("on a light background, light background, bright background, against a pale sky", "on a light backdrop"),
    "white": _w("on white, on a white background, white background, against white", "on a white backdrop, over whiteness"),
}

# Adjectives, or nouns that work as one.
MOOD_WORDS: dict[str, Wording] = {
    "cyberpunk": _w(
        "cyberpunk, neon city, synthwave, futuristic, retrowave, sci-fi, cyber",
        "cyberpunkish, neon cities, futurism",
    ),
    "cosmic": _w(
        "cosmic, space, galactic, deep space, stellar, interstellar, astral",
        "cosmos, outer space, spacey, galactical",
    ),
    "fire": _w("fire, inferno, fiery, burning, blazing, hot, burning hot", "infernal, firelight, fire-like"),
    "ocean": _w("ocean, sea, underwater, aquatic, marine, deep sea, under the sea", "oceanic, undersea, seawater"),
    "nature": _w("nature, organic, botanical, natural, plant, earthy, nature-inspired", "botany, naturalistic, plantlife"),
    "glitch": _w(
        "glitch, corrupted, digital, broken screen, digital glitch, computer error, data error",
        "glitchy, corruption, digitised",
    ),
    "pastel": _w("pastel, soft pastel, gentle, soft, delicate, tender", "gently pastel, softness, delicately soft"),
    "dream": _w("dream, dreamy, dreamlike, ethereal, surreal, dreams", "dreaming, daydream, dreamscape"),
    "ice": _w("ice, icy, frozen, frosty, winter, glacial", "freezing, frosted, wintry"),
    "desert": _w("desert, sandy, dunes, arid, sand dunes", "deserts, sandiness, dune"),
    "royal": _w("royal, luxurious, regal, baroque, opulent", "royalty, luxury, opulence"),
    "psychedelic": _w("psychedelic, trippy, acid, hippie, hallucinogenic", "psychedelia, trippiness"),
    "mono": _w("monochrome, black and white, grayscale, noir", "monochromatic, greyscale"),
    "aurora": _w("aurora, northern lights, polar lights, aurora sky", "auroras, northern light, aurora borealis"),
    "lava": _w("lava, magma, volcanic, molten, lava flow", "volcano, molten magma, lavas"),
    "forest": _w("forest, woodland, jungle, rainforest, deep forest", "forested, forests, jungles"),
    "sunset": _w("sunset, dusk, evening sky, sundown", "sunsets, evenings, dusky"),
    "storm": _w("storm, stormy, thunderstorm, thunder", "storms, thunderous, thunderstorms"),
    "candy": _w("candy, sweet, bubblegum, playful, sugary", "candies, sweets, sugar"),
    "circuit": _w("circuit, circuit board, electronic, tech, chip", "circuitry, electronics, circuits, microchip"),
}  # fmt: skip

# Said before, after or between, and meaning nothing: prompts are full of it.
FILLERS = (
    "abstract", "visuals", "a picture of", "an image of", "digital art", "animated", "background", "beautiful", "4k", "loop",
    "high quality", "artwork", "mesmerising", "video of", "motion graphics", "the", "very", "some", "for a live show", "art",
)  # fmt: skip
FILLERS_KEPT = ("a vj loop showing", "projected", "i want to see", "an illustration with", "wallpaper")
