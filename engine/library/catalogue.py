"""What this installation can show: styles, effects, deck parameters and scenes, gathered for the layers below."""

from __future__ import annotations

from phosphene.engine.compositor.isf import shader_transitions
from phosphene.engine.core import paths
from phosphene.engine.core.errors import UserError
from phosphene.engine.effects.registry import all_effects
from phosphene.engine.generators.registry import deck_params
from phosphene.engine.models.media import is_source, list_media, named
from phosphene.engine.models.shaders import list_shaders
from phosphene.engine.models.style import list_styles
from phosphene.engine.show.catalogue import LEVEL, TRANSITIONS, Catalogue
from phosphene.engine.show.scene import scene_names


def show_catalogue() -> Catalogue:
    """Return the catalogue of what lies in the style and scene folders now."""
    return Catalogue(
        styles=(*list_styles(), *list_shaders(), *list_media()),
        effects={name: effect.params for name, effect in all_effects().items()},
        deck_params=(*deck_params(), LEVEL),
        scenes=scene_names(paths.scene_folders()),
        there=_there,
        transitions=(*TRANSITIONS, *shader_transitions()),
    )


def _there(style: str) -> bool:
    """Whether a style is a picture that can be played, listed or not."""
    try:
        return is_source(style) and bool(named(style))
    except UserError:
        return False
