"""`vj doctor`: what this machine has, which backend and encoder will be used, why the others will not, how to mend it."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from typing import Any

from phosphene.engine.audio import tag_network
from phosphene.engine.core import paths
from phosphene.engine.core.child import child_environment
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.extras import install


def examine() -> dict[str, Any]:
    """Return {what: found}, strings and lists of strings or records; never raises for something that is missing."""
    from phosphene.engine.app.recording import versions

    found: dict[str, Any] = {"versions": versions()}
    found |= _drawing()
    found["cuda"] = _cuda()
    found["monitors"] = _monitors()
    found["audio inputs"] = _inputs()
    found["midi"] = _midi()
    found["encoder"] = _encoder()
    found["torch"] = "installed" if importlib.util.find_spec("torch") else f"not installed (optional: {install('torch')})"
    found["music tags"] = tag_network.refusal() or "ready"
    found["styles"], found["scenes"] = _library()
    found["folders"] = _folders()
    found["system"] = _system()
    return found


def _folders() -> list[str]:
    places = {
        "own styles": paths.styles_dir(),
        "own scenes": paths.scene_folders()[0],
        "own shaders": paths.shader_folders()[0],
        "own pictures and clips": paths.media_folders()[0],
        "takes": paths.takes_dir(),
        "training runs": paths.runs_dir(),
        "cache": paths.cache_dir(),
        "what came with the program": paths.PACKAGE,
    }
    return [f"{name}: {place}" for name, place in places.items()]


def _drawing() -> dict[str, Any]:
    from phosphene.engine.app.live import default_format
    from phosphene.engine.backends.select import ORDER, installed_backends
    from phosphene.engine.gpu.context import HeadlessContext, info
    from phosphene.engine.gpu.hybrid import other_gpu

    try:
        context = HeadlessContext()
    except UserError as error:
        return {"opengl": error.line(), "backends": []}
    renderer = info()["renderer"]
    size, fps = default_format(renderer)
    backends = installed_backends(renderer)
    states = [backends[name].refusal() or "ready" if name in backends else "not installed" for name in ORDER]
    context.close()
    idle = other_gpu(renderer)
    return {
        "opengl": f"{renderer}: {size} at {fps} fps unless told otherwise",
        **({"idle graphics card": idle} if idle else {}),
        "backends": [f"{name}: {state}" for name, state in zip(ORDER, states, strict=True)],
    }


def _cuda() -> str:
    from phosphene.engine.gpu.compile import nvrtc_version
    from phosphene.engine.gpu.cuda import cuda_refusal, open_cuda

    if reason := cuda_refusal():
        return reason
    cuda, version = open_cuda(), nvrtc_version()
    compiler = f"NVRTC {version[0]}.{version[1]}" if version else "no NVRTC"
    driver = f"driver for CUDA {cuda.device.driver // 1000}.{cuda.device.driver % 1000 // 10}"
    return f"{cuda.device.name} ({cuda.device.arch}), {driver}, by {cuda.name}, {compiler}"


def _monitors() -> list[str]:
    from phosphene.engine.output.monitors import list_monitors

    try:
        return [str(m) for m in list_monitors()]
    except UserError as error:
        return [error.line()]


def _inputs() -> list[str]:
    from phosphene.engine.audio.devices import InputDevice, list_inputs
    from phosphene.engine.audio.own_rate import rate_words
    from phosphene.engine.core.signals import SAMPLE_RATE

    def line(d: InputDevice) -> str:
        rate = round(d.default_rate)
        own = "" if rate == SAMPLE_RATE else f", {rate_words(rate)} of its own, brought to {rate_words(SAMPLE_RATE)}"
        return f"{d.name} ({d.channels} channels{own}{', default' if d.is_default else ''})"

    try:
        return [line(d) for d in list_inputs()]
    except UserError as error:
        return [error.line()]


def _midi() -> list[str]:
    from phosphene.engine.control.midi import ports

    if reason := ports.refusal():
        return [reason]
    try:
        opened = ports.RtMidiPorts()
        names = [ports.plain_name(name) for name in opened.inputs() if ports.is_a_device(name)]
        opened.close()
    except UserError as error:
        return [error.line()]
    return names or ["ready; no controller is plugged in"]


def _encoder() -> str:
    import av

    from phosphene.engine.app.live import HARDWARE_FORMAT
    from phosphene.engine.output.encoder import pick_h264

    # With its log on, libav says what is missing and not just that something is. A show leaves it off: a thread of libav's
    # that logs waits for Python.
    level = av.logging.get_level()
    av.logging.set_level(av.logging.ERROR)
    try:
        with av.logging.Capture(local=False):
            return pick_h264("auto", *HARDWARE_FORMAT).line()
    finally:
        av.logging.set_level(level)


def _library() -> tuple[str, list[str]]:
    from phosphene.engine.library.catalogue import show_catalogue
    from phosphene.engine.models.media import is_source
    from phosphene.engine.models.shaders import is_shader
    from phosphene.engine.show.scene import lint_scene, scene_path

    catalogue = show_catalogue()
    faults = [f.line() for slug in catalogue.scenes for f in lint_scene(scene_path(slug), catalogue)]
    shaders = sum(map(is_shader, catalogue.styles))
    media = sum(map(is_source, catalogue.styles))
    told = f"{len(catalogue.styles) - shaders - media}, {shaders} shaders, {media} pictures and clips"
    return told, faults or [f"{len(catalogue.scenes)}, no faults"]


def _system() -> list[str]:
    script = paths.PACKAGE / "setup" / "doctor.py"
    if not script.is_file():
        return ["not a checkout: setup/doctor.py is not here"]
    command = [sys.executable, "-P", str(script), "--json"]
    done = subprocess.run(
        command, capture_output=True, text=True, errors="replace", timeout=60, check=False, env=child_environment()
    )
    try:
        rows = json.loads(done.stdout)["rows"]
    except (ValueError, KeyError):
        return [f"setup/doctor.py failed: {done.stderr.strip()[-200:]}"]
    return [f"{r['name']}: {r['found']}" + (f" ({r['state']}; {r['remedy']})" if r["remedy"] else "") for r in rows]
