"""Say what this machine has, what the show needs, and how to close the gap. Standard library only, any Python from 3.8.

Run by a person (`python3 setup/doctor.py`), by `setup/common.sh` before anything is installed (`--interpreter`,
`--packages`), and by `vj doctor`. It never installs or changes anything, and never imports the engine: it has to work
where the engine cannot.
"""

from __future__ import annotations

import argparse
import ctypes
import glob
import json
import os
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OLDEST = (3, 11)
NO_VENV, TOO_OLD, OF_STORE = 3, 4, 5  # exit codes of --interpreter, read by common.sh

# distribution -> the name it is imported by; the distributions are those of pyproject.toml (a test compares them)
IMPORTS = {
    "numpy": "numpy",
    "threadpoolctl": "threadpoolctl",
    "sounddevice": "sounddevice",
    "aubio-ledfx": "aubio",
    "glfw": "glfw",
    "PyOpenGL": "OpenGL",
    "python-osc": "pythonosc",
    "av": "av",
    "pydantic": "pydantic",
    "typer": "typer",
    "rich": "rich",
    "safetensors": "safetensors",
    "tomli-w": "tomli_w",
    "pillow": "PIL",
    "platformdirs": "platformdirs",
    "aiohttp": "aiohttp",
    "segno": "segno",
}
if sys.platform == "win32":
    IMPORTS["soundcard"] = "soundcard"


@dataclass(frozen=True)
class Piece:
    """Something of the system. kind: library (a soname), file (a glob) or command; package: its Debian and Ubuntu name."""

    name: str
    kind: str
    probe: str
    package: str
    level: str = "live"

    def present(self) -> bool:
        if self.kind == "command":
            return shutil.which(self.probe, path=clean_environment().get("PATH", os.defpath)) is not None
        if self.kind == "file":
            return any(glob.glob(pattern) for pattern in self.probe.split(":"))
        try:
            ctypes.CDLL(self.probe)
        except OSError:
            return False
        return True


_LIB = "/usr/lib/*-linux-gnu*"
PIECES = (
    Piece("PortAudio", "library", "libportaudio.so.2", "libportaudio2"),
    Piece("EGL", "library", "libEGL.so.1", "libegl1"),
    Piece("OpenGL", "library", "libOpenGL.so.0", "libopengl0"),
    Piece("GL", "library", "libGL.so.1", "libgl1"),
    Piece(
        "Mesa drivers",
        "file",
        f"{_LIB}/dri/*_dri.so:{_LIB}/libgallium*.so:/usr/lib*/dri/*_dri.so:/usr/lib*/libgallium*.so",
        "libgl1-mesa-dri",
    ),
    # GLFW opens these by name when it makes a window; without XRandR it would see no monitors.
    Piece("X11", "library", "libX11.so.6", "libx11-6"),
    Piece("XRandR", "library", "libXrandr.so.2", "libxrandr2"),
    Piece("Xcursor", "library", "libXcursor.so.1", "libxcursor1"),
    Piece("Xi", "library", "libXi.so.6", "libxi6"),
    Piece("Xinerama", "library", "libXinerama.so.1", "libxinerama1"),
    Piece("PulseAudio server", "command", "pulseaudio", "pulseaudio", "tests"),
    Piece("PulseAudio control", "command", "pactl", "pulseaudio-utils", "tests"),
    Piece(
        "ALSA to PulseAudio",
        "file",
        f"{_LIB}/alsa-lib/libasound_module_pcm_pulse.so:/usr/lib*/alsa-lib/libasound_module_pcm_pulse.so",
        "libasound2-plugins",
        "tests",
    ),
    Piece("X server without a screen", "command", "Xvfb", "xvfb", "tests"),
    Piece("X server with two screens", "command", "Xorg", "xserver-xorg-core", "tests"),
    Piece(
        "screens of memory",
        "file",
        "/usr/lib/xorg/modules/drivers/dummy_drv.so:/usr/lib*/xorg/modules/drivers/dummy_drv.so",
        "xserver-xorg-video-dummy",
        "tests",
    ),
    Piece("screen settings", "command", "xrandr", "x11-xserver-utils", "tests"),
    Piece("XTEST", "library", "libXtst.so.6", "libxtst6", "tests"),
    Piece("OSC client", "command", "oscsend", "liblo-tools", "tests"),
    Piece("JACK server", "command", "jackd", "jackd2", "tests"),
)


@dataclass(frozen=True)
class Row:
    """One line of the table. state: ok, note (the show runs without it) or missing (it does not)."""

    name: str
    state: str
    found: str
    needed: str
    remedy: str = ""


def pieces_for(level: str) -> list[Piece]:
    """Return what `level` (live, train or tests) needs of a Linux system; elsewhere the wheels bring it all."""
    if not sys.platform.startswith("linux"):
        return []
    return [piece for piece in PIECES if piece.level == "live" or level == "tests"]


def missing_packages(level: str) -> list[str]:
    """Return the Debian and Ubuntu packages that `level` lacks here."""
    return [piece.package for piece in pieces_for(level) if not piece.present()]


def interpreter() -> str:
    """Return the Python that holds the installation: the running one when it is a venv, else the checkout's .venv."""
    if sys.prefix != sys.base_prefix:
        return sys.executable
    for path in (ROOT / ".venv/bin/python", ROOT / ".venv/Scripts/python.exe"):
        if path.exists():
            return str(path)
    return ""


def clean_environment() -> dict[str, str]:
    """Return our environment with the absolute folders of its lists alone: an empty entry stands for the current folder."""
    found = dict(os.environ, PYTHONSAFEPATH="1")  # GLFW's binding starts a Python of its own
    for name in ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"):
        if name in found:
            found[name] = os.pathsep.join(folder for folder in found[name].split(os.pathsep) if os.path.isabs(folder))
    return found


def ask(command: list[str], timeout: float = 60.0) -> tuple[bool, str]:
    """Run a command in its own process, so that a crash in a library is an answer too; return (worked, last line).

    Python is asked with -I: it would import what lies in the folder where the doctor was started.
    """
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=timeout, check=False, env=clean_environment()
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return False, str(error)
    lines = (done.stdout.strip() or done.stderr.strip()).splitlines()
    return done.returncode == 0, lines[-1] if lines else f"ended with {done.returncode}"


def of_store() -> bool:
    """Whether this is the Microsoft Store's Python: what that writes into a data folder, Windows puts elsewhere."""
    return "windowsapps" in sys.base_prefix.replace("\\", "/").lower().split("/")


def python_row() -> Row:
    found = "{}.{}.{}".format(*sys.version_info[:3])
    needed = "{}.{} or newer".format(*OLDEST)
    if sys.version_info[:2] < OLDEST:
        return Row("Python", "missing", found, needed, "install Python 3.12 and run again")
    if of_store():
        return Row("Python", "missing", found + " of the Microsoft Store", needed, "winget install Python.Python.3.12")
    return Row("Python", "ok", found, needed)


def package_rows(python: str) -> list[Row]:
    remedy = "sh setup/run.sh"
    if not python:
        return [Row("Packages", "missing", "no .venv", f"{len(IMPORTS)} packages", remedy)]
    script = (
        "import importlib, json, sys\nbad = []\nfor name in sys.argv[1:]:\n"
        "    try: importlib.import_module(name)\n"
        "    except Exception as error: bad.append(f'{name} ({type(error).__name__}: {error})')\n"
        "print(json.dumps(bad))"
    )
    worked, line = ask([python, "-I", "-c", script, *IMPORTS.values()])
    bad = json.loads(line) if worked else [line]
    if bad:
        return [Row("Packages", "missing", "cannot import " + "; ".join(bad), f"{len(IMPORTS)} packages", remedy)]
    return [Row("Packages", "ok", f"{len(IMPORTS)} import", f"{len(IMPORTS)} packages")]


def library_rows(level: str) -> list[Row]:
    rows = []
    for piece in pieces_for(level):
        here = piece.present()
        shown = piece.probe if piece.kind != "file" else piece.package
        rows.append(
            Row(
                piece.name,
                "ok" if here else "missing",
                "yes" if here else "no",
                shown,
                "" if here else f"sudo apt-get install {piece.package}",
            )
        )
    return rows


def opengl_row() -> Row:
    if not sys.platform.startswith("linux"):
        return Row("OpenGL context", "note", "not tried", "OpenGL 3.3", "made with the window; untested on this system")
    worked, line = ask([sys.executable, "-I", str(Path(__file__).resolve()), "--probe-gl"], 30.0)
    if worked:
        return Row("OpenGL context", "ok", line, "OpenGL 3.3 through EGL")
    return Row("OpenGL context", "missing", line, "OpenGL 3.3 through EGL", "sudo apt-get install libegl1 libgl1-mesa-dri")


def display_row() -> Row:
    if not sys.platform.startswith("linux"):
        return Row("Display", "ok", "the system's", "optional")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        if os.environ.get(name):
            return Row("Display", "ok", f"{name}={os.environ[name]}", "optional")
    return Row("Display", "note", "none", "optional", "runs headless; log in to a desktop, or set DISPLAY, for a window")


def audio_row(python: str) -> Row:
    script = "import sounddevice as s\nprint(sum(d['max_input_channels'] > 0 for d in s.query_devices()))"
    worked, line = ask([python, "-I", "-c", script], 20.0) if python else (False, "")
    if worked and line != "0":
        return Row("Audio inputs", "ok", f"{line} found", "optional")
    shown = "none" if worked else "unknown"
    return Row("Audio inputs", "note", shown, "optional", "plays the demo music; connect an input, then: vj devices")


def disk_row(level: str) -> Row:
    needed = {"tests": 9.0, "train": 8.0}.get(level, 1.5)
    free = shutil.disk_usage(ROOT).free / 1e9
    state = "ok" if free >= needed else "note"
    return Row("Disk space", state, f"{free:.1f} GB free", f"{needed:g} GB", "" if state == "ok" else "free some space")


def examine(level: str) -> list[Row]:
    """Return the whole table for `level`, in the order in which gaps should be closed."""
    python = interpreter()
    rows = [python_row(), *library_rows(level), opengl_row(), *package_rows(python)]
    return [*rows, display_row(), audio_row(python), disk_row(level)]


def probe_gl() -> str:
    """Make an OpenGL 3.3 core context without a window and return its renderer and version; raises OSError."""
    egl = ctypes.CDLL("libEGL.so.1")
    pointer, number = ctypes.c_void_p, ctypes.c_uint
    signatures = {
        "eglGetPlatformDisplay": (pointer, [number, pointer, pointer]),
        "eglGetDisplay": (pointer, [pointer]),
        "eglGetProcAddress": (pointer, [ctypes.c_char_p]),
        "eglInitialize": (number, [pointer] * 3),
        "eglChooseConfig": (number, [pointer, pointer, pointer, ctypes.c_int, pointer]),
        "eglCreateContext": (pointer, [pointer] * 4),
        "eglMakeCurrent": (number, [pointer] * 4),
    }
    for name, (result, arguments) in signatures.items():
        getattr(egl, name).restype, getattr(egl, name).argtypes = result, arguments
    displays = [egl.eglGetPlatformDisplay(0x31DD, None, None)]  # Mesa without a surface
    if query := egl.eglGetProcAddress(b"eglQueryDevicesEXT"):
        devices, count = (pointer * 16)(), ctypes.c_int()
        ctypes.CFUNCTYPE(number, ctypes.c_int, pointer, pointer)(query)(16, devices, ctypes.byref(count))
        displays += [egl.eglGetPlatformDisplay(0x313F, device, None) for device in devices[: count.value]]
    # OpenGL renderable, any surface; then OpenGL 3.3, core profile
    wanted = (ctypes.c_int * 5)(0x3040, 0x0008, 0x3033, 0, 0x3038)
    version = (ctypes.c_int * 7)(0x3098, 3, 0x30FB, 3, 0x30FD, 1, 0x3038)
    for display in [*displays, egl.eglGetDisplay(None)]:
        config, count = pointer(), ctypes.c_int()
        if not display or not egl.eglInitialize(display, None, None) or not egl.eglBindAPI(0x30A2):
            continue
        egl.eglChooseConfig(display, wanted, ctypes.byref(config), 1, ctypes.byref(count))
        context = egl.eglCreateContext(display, config, None, version) if count.value else None
        if context and egl.eglMakeCurrent(display, None, None, context):
            get_string = ctypes.CFUNCTYPE(ctypes.c_char_p, number)(egl.eglGetProcAddress(b"glGetString"))
            return " / ".join(get_string(name).decode(errors="replace") for name in (0x1F01, 0x1F02))
    raise OSError("no EGL display gives an OpenGL 3.3 core context")


def table(rows: list[Row]) -> str:
    """Return the rows as aligned text, the remedies under the rows that need one."""
    name, found = (max(len(getattr(row, key)) for row in rows) for key in ("name", "found"))
    found = min(found, 60)
    lines = [f"{'':7}  {'':{name}}  {'found':{found}}  needed"]
    for row in rows:
        lines.append(f"{row.state:7}  {row.name:{name}}  {row.found:{found}}  {row.needed}")
        if row.remedy:
            lines.append(f"{'':7}  {'':{name}}  -> {row.remedy}")
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    """Return the exit code: 0 when nothing that `--level` needs is missing."""
    parser = argparse.ArgumentParser(prog="doctor.py", description="found / needed / remedy, for this machine")
    parser.add_argument("--json", action="store_true", help="print the table as JSON")
    parser.add_argument("--level", choices=("live", "train", "tests"), default="live", help="what to check for")
    parser.add_argument("--packages", action="store_true", help="print only the missing system packages")
    parser.add_argument("--interpreter", action="store_true", help="check only this Python, by the exit code")
    parser.add_argument("--probe-gl", action="store_true", help="make an OpenGL context and name it")
    options = parser.parse_args(arguments)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # the table holds names that the terminal may not know
            stream.reconfigure(errors="backslashreplace")
    if options.interpreter:
        if sys.version_info[:2] < OLDEST:
            return TOO_OLD
        if of_store():
            return OF_STORE
        try:
            import ensurepip  # noqa: F401  Debian leaves it out of python3: the package is python3-venv
        except ImportError:
            return NO_VENV
        return 0
    if options.packages:
        print(" ".join(missing_packages(options.level)))
        return 0
    if options.probe_gl:
        try:
            print(probe_gl())
        except (OSError, AttributeError) as error:
            print(error)
            return 1
        return 0
    rows = examine(options.level)
    ready = all(row.state != "missing" for row in rows)
    if options.json:
        print(json.dumps({"ready": ready, "rows": [asdict(row) for row in rows]}, indent=2))
    else:
        print(table(rows))
        print("\nThe show can run." if ready else "\nThe show cannot run yet: close the gaps marked missing, top first.")
    return 0 if ready else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
