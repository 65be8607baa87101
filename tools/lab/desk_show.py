"""A show with what a night brings to it (pages, a controller, another program in a Link session), as a process.

Argument: a `Night` as JSON. Says one line of JSON: frames of the time in which all of it was there, and what came of each.
Run in a network of its own where there is a Link peer: see `own_network.py`.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from phosphene.engine.app.live import run_live
from phosphene.engine.app.options import LiveOptions, parse_fps, parse_size
from phosphene.engine.app.stage import Stage
from phosphene.engine.core import clock
from phosphene.engine.core.child import child_environment, python_child
from phosphene.engine.core.frame import Frame
from phosphene.engine.gpu.texture import RenderTarget
from phosphene.tools.lab import desk_load, link_peer, midi_storm
from phosphene.tools.lab.bench_live import PORT
from phosphene.tools.lab.bench_midi import jack_server

DESK = 9760
_STYLE = "neon-tide"  # alone: a scene costs more in some of its acts than in others, and turns would not be alike
_SETTLED_S, _JOINED_S = 8.0, 4.0  # networks are warm, and everybody has come, before frames are counted


@dataclass(frozen=True)
class Night:
    """seconds: counted. desk: whether it is served. pages; midi: messages a second; link: a peer; loads: of a browser.

    heard: whether the show listens to MIDI and Link; if not, what they cost is the machine's and not the show's.
    """

    seconds: float = 30.0
    desk: bool = True
    pages: int = 0
    midi: int = 0
    link: bool = False
    loads: int = 0
    heard: bool = True

    def command(self) -> list[str]:
        """Return the command that runs it."""
        return python_child("phosphene.tools.lab.desk_show", json.dumps(asdict(self)))


class Watch:
    """A sink that lets a thread bring the guests once the show has settled, count the frames, and end the show."""

    def __init__(self, stage: Stage, night: Night) -> None:
        self._stage, self._night = stage, night
        self.found: dict[str, Any] = {}
        self.error: Exception | None = None
        self._guests: dict[str, subprocess.Popen] = {}
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def accept(self, picture: RenderTarget, frame: Frame, t_picture: float) -> None:
        """Look at nothing."""

    def close(self) -> None:
        """End guests that are still there: one that plays to a JACK server that has gone would do so for ever."""
        for guest in self._guests.values():
            if guest.poll() is None:
                guest.kill()

    def _run(self) -> None:
        try:
            clock.sleep(_SETTLED_S)
            self._bring()
            clock.sleep(_JOINED_S)
            self.found = self._counted()
            for name, guest in self._guests.items():
                said, complaint = guest.communicate(timeout=self._night.seconds + 120.0)
                if guest.returncode:
                    raise RuntimeError(f"{name}: {complaint}")
                self.found[name] = said
        except Exception as error:  # noqa: BLE001 raised by `main`, once the show has ended
            self.error = error
        os.kill(os.getpid(), signal.SIGTERM)

    def _bring(self) -> None:
        night, url = self._night, f"http://127.0.0.1:{DESK}/"
        length = night.seconds + _JOINED_S
        commands = {}
        if night.pages:
            commands["pages"] = python_child("phosphene.tools.lab.desk_pages", url, str(night.pages), str(length))
        if night.midi:
            commands["midi"] = midi_storm.command(night.midi, length)
        if night.link:
            commands["link"] = link_peer.command(120.0, length)
        if night.loads:
            commands["loads"] = desk_load.command(url, night.loads)
        pipe = subprocess.PIPE
        for name, command in commands.items():
            self._guests[name] = subprocess.Popen(command, env=child_environment(), stdout=pipe, stderr=pipe, text=True)

    def _counted(self) -> dict[str, Any]:
        stage, budget = self._stage, self._stage.budget
        frames, missed = budget.frames, budget.missed
        clock.sleep(self._night.seconds)
        counted = budget.frames - frames
        ms = budget.frame_ms.recent(budget.frames - frames)[:counted]
        places = dict(zip(("p50", "p95", "p99"), np.percentile(ms, (50, 95, 99)).tolist(), strict=True))
        return {
            "frames": counted,
            "missed": budget.missed - missed,
            "frame_ms": {name: round(value, 2) for name, value in (places | {"max": float(ms.max())}).items()},
            "tempo": stage.conductor.leader,
        }


def main(night: Night) -> dict[str, Any]:
    """Run the show; return its frames, and what each guest said."""
    watches: list[Watch] = []

    def guest(stage: Stage) -> Watch:
        watches.append(Watch(stage, night))
        return watches[0]

    with ExitStack() as held:
        folder = Path(held.enter_context(tempfile.TemporaryDirectory()))
        if night.midi:
            held.enter_context(jack_server())
            os.environ["PHOSPHENE_MIDI"] = str(folder)
            (folder / "storm.toml").write_text(midi_storm.storm_mapping(), encoding="utf-8")
        options = LiveOptions(
            input="demo", style=_STYLE, output="headless",
            size=parse_size("640x360"), fps=parse_fps("24"), internal=parse_size("320x180"),
            osc_port=PORT, desk=("127.0.0.1", DESK) if night.desk else None, link=night.link and night.heard,
            midi=night.midi > 0 and night.heard,
            takes=folder, report=folder / "report.json",
        )  # fmt: skip
        try:
            run_live(options, guest)
        finally:
            for watch in watches:
                watch.close()
        if (error := watches[0].error) is not None:
            raise error
        found = watches[0].found
        surfaces = {each["name"]: each for each in json.loads((folder / "report.json").read_text())["surfaces"]}
    if night.pages:
        found["a page, a second"] = json.loads(found.pop("pages"))[0]
    if night.loads:
        found["loads"] = json.loads(found["loads"])
    if night.midi and night.heard:
        found["midi"] = {"sent": int(found["midi"])} | {key: surfaces["midi"][key] for key in ("received", "dropped")}
    if not night.heard:
        found.pop("midi", None)
    found.pop("link", None)
    return found


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(Night(**json.loads(sys.argv[1])))) + "\n")
