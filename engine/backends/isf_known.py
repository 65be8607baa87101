"""Which ISF shaders of the folders have proven themselves, so that effects and transitions may be made of them.

Those are ours, and what `vj shaders lint` has passed. Why another one is left out is kept, for whoever asks for it by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from phosphene.engine.backends.isf_trial import proven, recalled
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.paths import PACKAGE, cache_dir, shader_folders
from phosphene.engine.models.isf import Isf, read_isf
from phosphene.engine.models.shaders import PREFIX, shader_files

NOT_TRIED = "it has not been tried yet: vj shaders lint does that, for the next start"


@dataclass(frozen=True)
class KnownShader:
    """A shader that was read. opaque: see `isf_judge.Verdict`. refusal: why it may not be drawn, "" where it may."""

    isf: Isf
    opaque: bool = False
    refusal: str = ""


def known_shaders() -> Mapping[str, KnownShader | str]:
    """Return slug -> shader of all files, sorted; of one that cannot be read, why.

    The same for the whole life of the program: what the mixer has and what a scene may name must not part.
    """
    return _known(shader_folders(), cache_dir())


def shown_as(slug: str) -> str:
    """Return what the effect or transition of a shader is called: `shader-slices` of `shader:slices`."""
    return f"shader-{slug.removeprefix(PREFIX)}"


def known_of(path: Path) -> KnownShader:
    """Read a shader and return it with what is remembered of it. Raises UserError where it cannot be read."""
    isf = read_isf(path)
    verdict = recalled(isf, None)
    if verdict is not None:
        return KnownShader(isf, verdict.opaque, "" if verdict.ok else verdict.reason)
    return KnownShader(isf, refusal="" if path.resolve().parent == PACKAGE / "shaders" else NOT_TRIED)


def tried(path: Path, renderer: str) -> KnownShader:
    """Read a shader, try it unless that has been done, and return it. Waits up to `isf_trial.LIMIT_S`; not in a frame.

    renderer: GL_RENDERER of the show. Raises UserError with the reason for one that is refused.
    """
    isf = read_isf(path)
    verdict = proven(isf, renderer)
    if not verdict.ok:
        raise UserError(verdict.reason, where=verdict.where or str(path), remedy=verdict.remedy)
    return KnownShader(isf, verdict.opaque)


@cache
def _known(folders: tuple[Path, ...], remembered: Path) -> Mapping[str, KnownShader | str]:
    found: dict[str, KnownShader | str] = {}
    for slug, path in shader_files().items():
        try:
            found[slug] = known_of(path)
        except UserError as error:
            found[slug] = error.line()
    return found
