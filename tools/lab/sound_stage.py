"""A private PulseAudio without a sound card: a null sink `stage` whose monitor PortAudio captures for real.

Used by live tests and live benchmarks. It works as root in a container; nothing of the machine's own sound server, home
or ALSA set-up is used, and nothing is left behind.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np

from phosphene.engine.core import clock
from phosphene.engine.core.child import child_environment, find_program
from phosphene.engine.core.signals import SAMPLE_RATE

SINK = "stage"
# norewinds: the sink mixes 50 ms ahead instead of up to 2 s, which no real sound card would have us wait for.
_LOAD_SINK = ("module-null-sink", f"sink_name={SINK}", "channels=2", "norewinds=1")
_ASOUND = """
pcm.!default { type pulse }
ctl.!default { type pulse }
pcm.pulse { type pulse hint { show on description "PulseAudio Sound Server" } }
ctl.pulse { type pulse }
"""


class PulseAudio:
    """The daemon as a test sees it: its environment, its sink, and a player."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        home, run = folder / "home", folder / "run"
        home.mkdir()
        run.mkdir(mode=0o700)
        (folder / "asound.conf").write_text(_ASOUND)
        (folder / "daemon.pa").write_text(f"load-module module-native-protocol-unix socket={run}/native auth-anonymous=1\n")
        self.environment = {
            "HOME": str(home),
            "XDG_RUNTIME_DIR": str(run),
            "XDG_CONFIG_HOME": str(home / ".config"),
            "PULSE_SERVER": f"unix:{run}/native",
            "PULSE_SOURCE": f"{SINK}.monitor",
            "PULSE_SINK": SINK,
            "ALSA_CONFIG_PATH": str(folder / "asound.conf"),
        }
        self._all = child_environment(self.environment)
        self._module = ""
        command = [_found("pulseaudio"), "-n", "-F", str(folder / "daemon.pa"), "--daemonize=no", "--exit-idle-time=-1"]
        command += ["--disable-shm=yes", "--use-pid-file=no", "--log-target=stderr"]
        with (folder / "log").open("wb") as log:
            self._daemon = subprocess.Popen(command, env=self._all, stdout=log, stderr=log)
        deadline = clock.now() + 10.0
        while self.pactl("info").returncode != 0:
            if clock.now() > deadline or self._daemon.poll() is not None:
                self.stop()
                raise RuntimeError((folder / "log").read_text())
            clock.sleep(0.05)

    def load_sink(self, rate: int = SAMPLE_RATE) -> None:
        """Make the sink, and with it the source `stage.monitor`, at `rate` Hz, unless it is there."""
        if not self._module:
            self._module = self.pactl("load-module", *_LOAD_SINK, f"rate={rate}", check=True).stdout.strip()

    def unload_sink(self) -> None:
        """Take the sink away, as if a cable were pulled."""
        self.pactl("unload-module", self._module, check=True)
        self._module = ""

    def play(self, pcm: np.ndarray) -> subprocess.Popen:
        """Start playing float32[n] or [n, 2] into the sink; the caller waits for the process or ends it.

        The daemon holds 2 s of it and begins at once all the same (within 20 ms here). With 20 ms the player starved on a
        busy machine, and holes of 5 to 30 ms were heard in one tone of three.
        """
        stereo = np.repeat(pcm[:, None], 2, axis=1) if pcm.ndim == 1 else pcm
        path = self.folder / "play.raw"
        path.write_bytes(stereo.astype("<f4").tobytes())
        command = [_found("paplay"), f"--device={SINK}", "--raw", "--format=float32le", f"--rate={SAMPLE_RATE}"]
        command.append("--channels=2")
        return subprocess.Popen([*command, "--latency-msec=2000", str(path)], env=self._all)

    def stop(self) -> None:
        """End the daemon."""
        self._daemon.terminate()
        try:
            self._daemon.wait(5.0)
        except subprocess.TimeoutExpired:
            self._daemon.kill()
            self._daemon.wait()

    def pactl(self, *arguments: str, check: bool = False) -> subprocess.CompletedProcess:
        """Run `pactl` against the daemon."""
        command = [_found("pactl"), *arguments]
        return subprocess.run(command, env=self._all, capture_output=True, text=True, check=check, timeout=10)


def _found(name: str) -> str:
    path = find_program(name)
    if path is None:
        raise FileNotFoundError(f"{name} is not on the path")
    return path
