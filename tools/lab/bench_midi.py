"""Benchmark of MIDI: frames from a message of a virtual controller to the first changed picture; what a message costs.

`vj bench midi` runs it. The controller plays through a JACK server without a sound card (package jackd2), whose own delay of
half a period to one and a half, 2.7 ms in the middle, is part of what is measured.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from phosphene.engine.app.live import run_live
from phosphene.engine.app.options import LiveOptions, parse_fps, parse_size
from phosphene.engine.app.stage import Stage
from phosphene.engine.control.midi.device import Device
from phosphene.engine.control.midi.files import find_mapping
from phosphene.engine.control.midi.messages import Splitter
from phosphene.engine.control.table import build_table
from phosphene.engine.core import clock
from phosphene.engine.library.catalogue import show_catalogue
from phosphene.tools.lab.bench_live import PORT, Probe, osc_latency

_MAPPING = """version = 1
device = "bench_capture"
[[control]]
input = "cc 1 1"
address = "/master"
mode = "jump"
"""


def bench(messages: int = 40) -> dict[str, Any]:
    """Return frames to the picture, and us a message; the baseline is OSC, which needs no server, in the same minute."""
    found: dict[str, Any] = {"message_us": float(np.median([message_us() for _ in range(5)]))}
    found["baseline: OSC"] = osc_latency(messages)
    if shutil.which("jackd") is None:
        return found | {"frames": None, "not measured": "jackd is not installed: it is in the package jackd2"}
    with jack_server(), tempfile.TemporaryDirectory() as folder:
        os.environ["PHOSPHENE_MIDI"] = folder
        (Path(folder) / "bench.toml").write_text(_MAPPING, encoding="utf-8")
        return found | _frames(messages, Path(folder))


def message_us(times: int = 20_000) -> float:
    """Return how long a CC takes from bytes to a checked change."""
    catalogue = show_catalogue()
    table = build_table(catalogue.effects, catalogue.deck_params)
    device, splitter = Device("MIDI Mix", 1, find_mapping("MIDI Mix", 1, table)), Splitter()
    values = {"/deck/a/zoom": (1.0,)}
    began = clock.now()
    for i in range(times):
        for message in splitter.feed((0xB0, 16, i % 128)):
            for path, args in device.take(message, i * 0.001, values):
                table.parse(path, args, 0.0, device.source)
    return round((clock.now() - began) / times * 1e6, 1)


def _frames(messages: int, folder: Path) -> dict[str, Any]:
    import rtmidi

    out = rtmidi.MidiOut(rtmidi.API_UNIX_JACK, name="bench_capture")
    out.open_virtual_port("midi")
    probes: list[Probe] = []
    sent: list[float] = []

    def play() -> None:
        rng = np.random.default_rng(5)
        clock.sleep(5.0)
        for k in range(messages):
            clock.sleep(0.3 + float(rng.uniform(0.0, 0.05)))
            sent.append(clock.now())
            out.send_message((0xB0, 1, 127 * (k % 2)))

    def guest(stage: Stage) -> Probe:
        probes.append(Probe(stage))
        return probes[0]

    thread = threading.Thread(target=play, daemon=True)
    thread.start()
    size, fps = parse_size("320x180"), parse_fps("60")
    options = LiveOptions(
        input="demo", output="headless", size=size, fps=fps, seconds=7.0 + 0.33 * messages, osc_port=PORT, takes=folder
    )
    run_live(options, guest)
    thread.join()
    out.delete()
    return _arrived(probes[0].pictures, sent)


def _arrived(pictures: list[tuple[float, float]], sent: list[float]) -> dict[str, Any]:
    """Return the frames from each message to its picture. One that the server lost changes nothing until the next one."""
    t, light = np.array(pictures).T
    frames, lost = [], 0
    for k, (at, until) in enumerate(zip(sent, [*sent[1:], sent[-1] + 0.3], strict=True)):
        first, last = np.searchsorted(t, (at, until))
        changed = np.flatnonzero((light[first:last] > 1.0) == bool(k % 2))
        if len(changed):
            frames.append(int(changed[0]) + 1)
        else:
            lost += 1
    shares = {f"{n} or fewer": round(sum(f <= n for f in frames) / len(frames), 3) for n in (1, 2, 3)} if frames else {}
    return {
        "frames": {"median": float(np.median(frames)), "max": max(frames)} | shares if frames else None,
        "messages": len(sent),
        "lost by the server": lost,
        "wanted": 2,
    }


@contextmanager
def jack_server() -> Iterator[None]:
    """Run a JACK server that this process finds. Raises RuntimeError where it does not start."""
    os.environ |= {"JACK_DEFAULT_SERVER": f"vjbench{os.getpid()}", "PHOSPHENE_MIDI_API": "jack"}
    os.environ["JACK_NO_AUDIO_RESERVATION"] = "1"
    name = os.environ["JACK_DEFAULT_SERVER"]
    command = ["jackd", "-n", name, "--no-realtime", "-d", "dummy", "-r", "48000", "-p", "256"]
    with tempfile.TemporaryFile("w+") as said:
        server = subprocess.Popen(command, stdout=said, stderr=said)
        try:
            clock.sleep(3.0)
            if server.poll() is not None:
                said.seek(0)
                # Servers that were killed stay in its list, /dev/shm/jack-shm-registry, until that is full.
                raise RuntimeError(f"jackd does not start: {said.read().strip()}")
            yield
        finally:
            server.terminate()
            server.wait(20)
