"""The program says what it does: one gathering of numbers for the HUD, for control surfaces and for report.json.

Called on the render thread: HUD and surfaces a few times a second, the report when a take or the show ends.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from phosphene.engine.app.recording import Recording, versions
from phosphene.engine.app.stage import Stage
from phosphene.engine.control.feedback import show_values
from phosphene.engine.control.surface import Args, SurfaceHealth
from phosphene.engine.core import metrics
from phosphene.engine.core.signals import Signals
from phosphene.engine.generators.decoded import DecodedGenerator
from phosphene.engine.generators.isf import IsfGenerator
from phosphene.engine.generators.source import SourceGenerator
from phosphene.engine.output.hud_model import HudModel
from phosphene.engine.show import directing
from phosphene.engine.show.catalogue import DECKS
from phosphene.engine.show.layers import most
from phosphene.engine.show.state import Fade, ShowState

_RECENT_S = 5.0


def backend_names(stage: Stage) -> str:
    """Return the backends in use, such as `cpu` or `glsl + cpu`."""
    shown = (stage.shown_style(deck).backend for deck in DECKS)
    return " + ".join(dict.fromkeys(backend for backend in shown if backend)) or "none"


def refusals(stage: Stage) -> list[dict[str, str]]:
    """Return the refused backends of both decks, each reason once."""
    seen = {(r["name"], r["reason"]) for deck in DECKS for r in stage.playing[deck].refused}
    for style in stage.playing.values():  # not refused, but slower than it could be, and a person may mend it
        if style.generator is not None and (reason := style.generator.capabilities.staging_reason):
            seen.add((f"{style.backend} sharing with OpenGL", reason))
    return [{"name": name, "reason": reason} for name, reason in sorted(seen)]


def _faded(fade: Fade) -> str:
    waits = "" if fade.running else ", waiting for TAKE" if fade.held else ", at the drop" if fade.drop else ", waiting"
    return f"{fade.kind}, {fade.beats:g} beats{waits}"


def _titled(state: ShowState) -> str:
    """Return the name of the scene on stage, of its act, and of that one's style where it has one."""
    deck = directing.shown(state)
    act = deck.direction.act
    style = most(deck.layers)  # of an act, while it is seen
    told = f"{act.name} in {style}" if act and style else act.name if act else ""
    return " · ".join(filter(None, (state.scene_name or state.scene, told)))


def hud_model(stage: Stage, signals: Signals, recording: Recording, control_error: str) -> HudModel:
    """Return what the HUD shows now."""
    state, budget, health = stage.state, stage.budget, stage.source.health()
    recent = int(_RECENT_S * budget.fps)
    status, counters = recording.status, stage.bus.counters
    fade = state.fade
    transition = state.kind if fade is None else _faded(fade)
    errors = [f"{f'deck {what}' if what in DECKS else what}: {fault}" for what, fault in stage.mixer.faults.items()]
    playing = {deck: stage.shown_style(deck).generator for deck in DECKS}
    errors += [f"deck {deck}: {g.fault}" for deck, g in playing.items() if isinstance(g, SourceGenerator) and g.fault]
    errors += [health.error] if health.error else []
    errors += health.notes
    errors += [control_error] if control_error else []
    return HudModel(
        scene=_titled(state),
        fps_target=budget.fps,
        frame_p50_ms=budget.frame_ms.percentile(50, recent),
        frame_p99_ms=budget.frame_ms.percentile(99, recent),
        missed=budget.missed,
        internal_size=stage.governor.size(),
        output_size=stage.output.size,
        backend=backend_names(stage),
        refused=tuple((r["name"], r["reason"]) for r in refusals(stage)),
        audio_source=health.source,
        audio_state=health.state,
        clipped=health.clipped,
        overflows=health.overflows,
        restarts=health.restarts,
        bpm=signals.position.bpm,
        confidence=signals.position.confidence,
        per_bar=int(signals.position.per_bar),
        deck_a=state.a.style,
        deck_b=state.b.style,
        crossfade=state.crossfade,
        transition=transition,
        master=state.master,
        blackout=state.blackout,
        freeze=state.freeze,
        guard=guard_state(stage),
        recorder=status.state if status else "",
        recorded_s=status.seconds if status else 0.0,
        recorded_frames=status.frames if status else 0,
        recorder_dropped=status.dropped if status else 0,
        disk_free_gb=recording.disk_free_gb,
        received=counters.received,
        rejected=counters.rejected,
        dropped=counters.dropped,
        messages=tuple(m for m in (*stage.messages[-4:], state.message) if m),
        errors=tuple(errors),
    )


def state_values(stage: Stage, signals: Signals, recording: Recording, error: str) -> dict[str, Args]:
    """Return everything that clients are told."""
    budget, health, counters = stage.budget, stage.source.health(), stage.bus.counters
    status = recording.status
    return show_values(stage.state) | {
        **{f"/state/deck/{deck}/shader": (shader_inputs(stage, deck),) for deck in DECKS},
        **{f"/state/deck/{deck}/source": (source_told(stage, deck),) for deck in DECKS},
        "/state/guard": (guard_state(stage),),
        "/state/autopilot": (stage.autopilot.status if stage.autopilot else "off",),
        "/state/autopilot_next": (stage.autopilot.beats_left if stage.autopilot else 0,),
        "/state/fade": (_faded(stage.state.fade) if stage.state.fade else "",),
        "/state/beat": (signals.position.beat_of_bar,),
        "/state/tempo/bpm": (float(signals.position.bpm),),
        "/state/tempo/confidence": (float(signals.position.confidence),),
        "/state/tempo/source": (stage.conductor.leader,),
        "/state/tempo/per_bar": (int(signals.position.per_bar),),
        "/state/tempo/bar_confidence": (float(signals.position.bar_confidence),),
        "/audio/gain": (float(health.gain),),
        "/state/audio/input": (health.source,),
        "/state/audio/level": (float(signals["loudness"]),),
        "/state/audio/peak": (float(health.peak),),
        "/state/audio/clipped": (int(health.clipped),),
        "/state/audio/state": (health.state,),
        "/state/fps": (budget.recent_fps(int(budget.fps)),),
        "/state/frame/p99": (budget.frame_ms.percentile(99, int(_RECENT_S * budget.fps)),),
        "/state/frame/missed": (budget.missed,),
        "/state/size": (str(stage.governor.size()),),
        "/state/backend": (backend_names(stage),),
        "/state/recorder/on": (int(recording.active),),
        "/state/recorder/seconds": (status.seconds if status else 0.0,),
        "/state/recorder/disk": (recording.disk_free_gb or 0.0,),
        "/state/recorder/dropped": (status.dropped if status else 0,),
        "/state/control/received": (counters.received,),
        "/state/control/rejected": (counters.rejected,),
        "/state/control/error": (error,),
    }


def guard_state(stage: Stage) -> str:
    """Return what the flash guard does now: on, holding back, off."""
    return "off" if not stage.state.guard else "holding back" if stage.guard.status.active else "on"


def shader_inputs(stage: Stage, deck: str) -> str:
    """Return what the shader parameters of a deck move now, such as `1 Width, 2 Height`; "" where no shader plays."""
    generator = stage.shown_style(deck).generator
    return generator.labels if isinstance(generator, IsfGenerator) else ""


def source_told(stage: Stage, deck: str) -> str:
    """Return what the picture on a deck is, and what is wrong with it; "" where no picture plays."""
    generator = stage.shown_style(deck).generator
    return generator.told if isinstance(generator, SourceGenerator) else ""


def decode_rates(stage: Stage) -> dict[str, float]:
    """Return pictures a second of each deck whose network decodes at its own rate."""
    playing = {deck: stage.shown_style(deck).generator for deck in DECKS}
    decoded = {deck: each.decoding.rate for deck, each in playing.items() if isinstance(each, DecodedGenerator)}
    return {deck: round(rate, 1) for deck, rate in decoded.items() if rate}


def report(stage: Stage, recording: Recording, surfaces: Sequence[SurfaceHealth] = ()) -> Mapping[str, object]:
    """Return the document of report.json."""
    health, counters = stage.source.health(), stage.bus.counters
    line = stage.source.timeline()
    status, result = recording.status, recording.result
    frames, dropped = recording.counts
    path = result.path if result else status.path if status else None
    return stage.budget.report() | {
        "internal_size": str(stage.governor.size()),
        "sizes": [[round(t, 2), str(size)] for t, size in stage.sizes[-100:]],
        "output_size": str(stage.output.size),
        "backend": {"name": backend_names(stage), "refused": refusals(stage)},
        "decoded_per_s": decode_rates(stage),
        "audio": {
            "source": health.source,
            "hops": health.hops,
            "overflows": health.overflows,
            "restarts": health.restarts,
            "callback_us": health.callback_us,
            "error": health.error,
            "notes": list(health.notes),
        },
        "tempo": {
            "bpm": round(line.bpm, 2) if line else 0.0,
            "confidence": round(line.confidence, 3) if line else 0.0,
        },
        "latency_ms": {"onset_to_present": {k: v for k, v in stage.latency.ms.summary(50, 99).items() if k != "max"}},
        "flash_guard": {
            "on": stage.state.guard,
            "flashes_held_back": stage.guard.status.held,
            "frames_held_back": stage.guard.status.frames,
        },
        "control": {"received": counters.received, "rejected": counters.rejected, "dropped": counters.dropped},
        "surfaces": [asdict(each) for each in surfaces],
        "refused_in_frames": stage.refused,
        "recorder": {
            "frames": frames,
            "dropped": dropped,
            "path": str(path) if path else None,
            "encoder": result.encoder if result else None,
            "not_from_device_memory": recording.device_refusal or None,
            "error": (result.error if result else "") or "",
            "failures": list(recording.failures),
        },
        "peak_rss_mb": round(metrics.peak_rss_mb(), 1),
        "scene": stage.state.scene,
        "messages": list(stage.messages),
        "versions": versions(),
    }
