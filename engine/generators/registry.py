"""Every kind of style that can be played: its parameters, its generator, its pictures without a show. A new kind goes here.

Read by the catalogue, the frame function, previews and lint; nothing else asks a style what it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from phosphene.engine.core.frame import Size
from phosphene.engine.core.params import Param
from phosphene.engine.generators.base import Generator
from phosphene.engine.generators.cppn import CPPN_PARAMS, cppn_generator, cppn_sequence, cppn_still
from phosphene.engine.generators.gan import GAN_PARAMS, gan_generator, gan_sequence, gan_still
from phosphene.engine.generators.isf import ISF_PARAMS, isf_generator, isf_sequence, isf_still
from phosphene.engine.generators.source import SOURCE_PARAMS, source_generator, source_sequence, source_still
from phosphene.engine.generators.vqvae import VQVAE_PARAMS, vqvae_generator, vqvae_sequence, vqvae_still
from phosphene.engine.gpu.shader import Passes
from phosphene.engine.models.latent import Walk
from phosphene.engine.models.media import KINDS as SOURCES
from phosphene.engine.models.style import Style

Picture = np.ndarray
"""float32 [h, w, 3], sRGB 0..1, row 0 at the top."""


@dataclass(frozen=True)
class Kind:
    """One kind of style.

    generator(style, program, passes, walk, live): for a deck; the program is what a backend opened, and is closed with it;
    live: whether a frame may not wait for a decoder. still(style, size, time in s, signals): one picture on the CPU.
    sequence(style, size, signals of each frame, dt in s, speed, react): pictures on the CPU, each a fresh array.
    """

    params: tuple[Param, ...]
    generator: Callable[[Style, Any, Passes, Walk | None, bool], Generator]
    still: Callable[[Style, Size, float, Mapping[str, float]], Picture]
    sequence: Callable[[Style, Size, Iterable[Mapping[str, float]], float, float, float], Iterator[Picture]]


GENERATORS: dict[str, Kind] = {
    "cppn": Kind(CPPN_PARAMS, cppn_generator, cppn_still, cppn_sequence),
    "gan": Kind(GAN_PARAMS, gan_generator, gan_still, gan_sequence),
    "vqvae": Kind(VQVAE_PARAMS, vqvae_generator, vqvae_still, vqvae_sequence),
    "isf": Kind(ISF_PARAMS, isf_generator, isf_still, isf_sequence),
    **dict.fromkeys(SOURCES, Kind(SOURCE_PARAMS, source_generator, source_still, source_sequence)),
}


def deck_params() -> tuple[Param, ...]:
    """Return the parameters of all kinds, each name once. A deck has them all; a generator ignores what is not its own.

    So a performer's faders keep their places when another kind comes on the deck. Raises ValueError where two kinds mean
    different things by one name.
    """
    found: dict[str, Param] = {}
    for kind in GENERATORS.values():
        for param in kind.params:
            if found.setdefault(param.name, param) != param:
                raise ValueError(f"two kinds of style have a parameter {param.name!r}, and mean different things by it")
    return tuple(found.values())
