"""Builds a stage: the same for the live loop, for offline programs and for tests. Needs a current GL context."""

from __future__ import annotations

import logging
import os

from phosphene.engine.app.latency import OnsetLatency
from phosphene.engine.app.loader import StageLoader
from phosphene.engine.app.scene_file import write_scene
from phosphene.engine.app.stage import ActionHandler, Stage
from phosphene.engine.audio.base import AudioSource
from phosphene.engine.backends.select import installed_backends, open_style
from phosphene.engine.compositor.guard import FlashGuard
from phosphene.engine.compositor.mixer import Mixer
from phosphene.engine.compositor.output_pass import OutputPass
from phosphene.engine.control.address import Table
from phosphene.engine.control.bus import ControlBus
from phosphene.engine.control.table import build_table
from phosphene.engine.core import paths
from phosphene.engine.core.clock import Clock
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Size
from phosphene.engine.gpu.shader import Passes
from phosphene.engine.gpu.texture import RenderTarget
from phosphene.engine.library.catalogue import show_catalogue
from phosphene.engine.pacing.budget import FrameBudget
from phosphene.engine.pacing.governor import Governor
from phosphene.engine.show.document import Document
from phosphene.engine.show.mapping import Mappings
from phosphene.engine.show.scene import load_scene, scene_path
from phosphene.engine.show.setlist import EMPTY, load_setlist
from phosphene.engine.tempo.conductor import Conductor

_log = logging.getLogger(__name__)


def build_stage(
    clock: Clock,
    source: AudioSource,
    size: Size,
    governor: Governor,
    actions: ActionHandler,
    *,
    renderer: str,
    backend: str = "auto",
    inline: bool = False,
) -> tuple[Stage, Table]:
    """Return the stage, without sinks, and the control table.

    size: of the output. renderer: GL_RENDERER. backend: the one that goes first. inline: load on the calling thread.
    Raises UserError for a backend that does not exist.
    """
    catalogue = show_catalogue()
    messages: list[str] = []
    try:
        setlist = load_setlist(paths.find(paths.scene_folders(), "setlist.toml"), catalogue)
    except UserError as error:
        setlist = EMPTY
        messages.append(error.line())
        _log.warning("the setlist is left out: %s", error.line())
    document = Document(catalogue, setlist)
    backends = installed_backends(renderer)
    if backend != "auto" and backend not in backends:
        allowed = ", ".join(("auto", *backends))
        raise UserError("no such backend", where="--backend", allowed=allowed, got=backend)
    passes = Passes()
    broken: list[tuple[str, str]] = []
    stage = Stage(
        clock=clock,
        source=source,
        bus=ControlBus(),
        document=document,
        state=document.empty(),
        conductor=Conductor(t=clock.t_start),
        mappings=Mappings(),
        governor=governor,
        budget=FrameBudget(float(clock.fps)),
        loader=StageLoader(
            lambda style, excluded: open_style(style, size, backends, backend, excluded),
            # By the name it was asked for, which may be a path: so it is recognised, and found again when it is saved.
            lambda name: load_scene(scene_path(name), catalogue).model_copy(update={"slug": name}),
            lambda scene, again: write_scene(scene, again, catalogue),
            inline=inline,
        ),
        mixer=Mixer(passes, on_fault=lambda deck, error: broken.append((deck, "")), output=size),
        guard=FlashGuard(passes),
        output_pass=OutputPass(passes),
        output=RenderTarget(size, "rgba8"),
        actions=actions,
        latency=OnsetLatency(source),
        broken=broken,
        messages=messages,
        live=not inline,
    )
    return stage, build_table(catalogue.effects, catalogue.deck_params, catalogue.transitions)


def given_scene(text: str) -> str:
    """Return the name of a scene as the command line has it: what ends in `.toml` is a file, also one that lies here."""
    return os.path.join(os.curdir, text) if paths.is_name(text) and text.endswith(".toml") else text
