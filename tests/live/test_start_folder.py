"""Nothing of the folder that a program is started in runs: no module, no program, no library, whoever looks for it.

The folder is one from a stranger, a pack of styles say, with files called like whatever a program may ask for.
"""

from __future__ import annotations

import os
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import pytest

from phosphene.engine.core import paths
from phosphene.engine.core.child import ignore_current_folder
from tests.live.show_process import free_port

pytestmark = [pytest.mark.live, pytest.mark.skipif(sys.platform == "win32", reason="programs and links of POSIX")]

# What we and the libraries import; the interpreter's own modules come on top.
PACKAGES = (
    *("aubio", "numpy", "sounddevice", "_sounddevice", "cffi", "av", "PIL", "glfw", "OpenGL", "pythonosc", "pydantic"),
    *("typer", "click", "rich", "safetensors", "tomli_w", "torch", "onnx", "onnxruntime", "tensorrt", "cuda", "pycuda"),
    *("ray", "yaml", "open_clip", "torchvision", "huggingface_hub", "matplotlib", "playwright", "psutil", "scipy"),
    *("threadpoolctl", "shellingham", "colorama", "phosphene", "engine", "kernels", "tools", "conftest", "setup"),
    *("sitecustomize", "usercustomize"),
)
PROGRAMS = (
    *("pactl", "gcc", "cc", "ld", "ldconfig", "objdump", "nvcc", "nvidia-smi", "chromium", "google-chrome", "python"),
    *("python3", "sh", "uname", "lscpu", "lspci", "git", "ffmpeg", "gs", "npm", "node", "file", "pulseaudio", "dirname"),
    *("cat", "cksum"),
)
LIBRARIES = ("libglfw.so", "libglfw.so.3", "libglfw3.so", "libportaudio.so.2", "libEGL.so.1", "libGL.so.1", "libcuda.so.1")


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    """The stranger's folder; whatever of it runs writes its name into `ran` beside it."""
    folder, mark = tmp_path / "pack", tmp_path / "ran"
    folder.mkdir()
    said = f"open({str(mark)!r}, 'a').write(__name__ + ' in ' + ' '.join(__import__('sys').argv)[:200] + chr(10))\n"
    for name in sorted({*sys.stdlib_module_names, *PACKAGES}):
        (folder / f"{name}.py").write_text(said + "raise ImportError('planted')\n")
    for name in PROGRAMS:
        (folder / name).write_text(f"#!/bin/sh\necho {name} >> {mark}\nexit 1\n")
        (folder / name).chmod(0o755)
    for name in LIBRARIES:
        (folder / name).write_text("no library")
    return folder


def started(pack: Path, command: list[str], timeout: float = 120.0, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command in the folder, with search paths that name it, as careless people's do."""
    found = {
        **os.environ,
        "PATH": os.pathsep.join(["", ".", os.environ["PATH"], ""]),
        "LD_LIBRARY_PATH": ".:",
        "PYTHONPATH": str(pack.parent / "elsewhere"),
        "PHOSPHENE_CACHE": str(pack.parent / "cache"),
    }
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        found.pop(name, None)
    done = subprocess.run(
        command, cwd=pack, env=found | environment, capture_output=True, text=True, timeout=timeout, check=False
    )
    ran = pack.parent / "ran"
    assert not ran.exists(), ran.read_text()
    return done


def vj(*arguments: object) -> list[str]:
    """As the installed command starts: the current folder is not on the path of the main process."""
    return [sys.executable, "-P", "-c", "from phosphene.engine.cli.main import main; main()", *map(str, arguments)]


def tool(name: str, *arguments: object) -> list[str]:
    return [sys.executable, str(paths.PACKAGE / "tools" / name), *map(str, arguments)]


def song(path: Path) -> Path:
    rng = np.random.default_rng(0)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 48_000, 0, "NONE", ""))
        file.writeframes((rng.normal(0, 3000, 3 * 48_000)).astype("<i2").tobytes())
    return path


def test_a_show(pack: Path) -> None:
    ports = ("--osc-port", free_port(), "--osc-out", free_port())
    done = started(pack, vj("live", "--output", "headless", "--size", "160x90", "--seconds", 3, *ports))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("command", [("doctor",), ("devices",), ("osc",), ("styles", "list"), ("bench", "--help")])
def test_a_look(pack: Path, command: tuple[str, ...]) -> None:
    done = started(pack, vj(*command))
    assert "planted" not in done.stderr + done.stdout
    assert done.returncode == 0, done.stderr


def test_a_suggestion_and_a_film(pack: Path) -> None:
    path = song(pack / "song.wav")
    assert started(pack, vj("styles", "suggest", path.name)).returncode == 0
    render = ("render", path.name, "film.mp4", "--style", "neon-tide", "--size", "160x90", "-f", 24, "-d", 1)
    done = started(pack, vj(*render, "--preset", "ultrafast"))
    assert done.returncode == 0, done.stderr


def test_an_album(pack: Path) -> None:
    song(pack / "song.wav")
    (pack / "album.toml").write_text(
        'version = 1\n[album]\nsize = "160x90"\nfps = "24"\npreset = "calm"\nencoder_preset = "ultrafast"\n'
        '[[track]]\nid = "one"\nsource = "song.wav"\n'
    )
    presets = started(pack, tool("render_album.py", "--list-presets"))
    assert presets.returncode == 0, presets.stderr
    mood = presets.stdout.split()[0]
    (pack / "album.toml").write_text((pack / "album.toml").read_text().replace("calm", mood))
    done = started(pack, tool("render_album.py", "album.toml", "--no-previews"), 170.0)
    assert done.returncode == 0, done.stderr + done.stdout


def test_a_data_set(pack: Path) -> None:
    done = started(pack, tool("make_dataset.py", "procedural", "--out", "d", "--images", 7, "--size", 32))
    assert done.returncode == 0, done.stderr


def test_a_batch_of_trainings(pack: Path) -> None:
    """A run that ends at once: what it would have imported, it has imported."""
    pytest.importorskip("torch")
    code = (
        "from pathlib import Path\n"
        "from phosphene.tools.cppn.batch import _start\n"
        "from phosphene.tools.cppn.options import Options\n"
        "import sys\n"
        "options = Options(prompt='', images='nothing-here', output='x')\n"
        "process = _start(Path('run').absolute(), options, '1')\n"
        "print('ended with', process.wait())\n"
        "print((Path('run') / 'log.txt').read_text())\n"
    )
    done = started(pack, [sys.executable, "-P", "-c", code])
    assert "planted" not in done.stdout
    assert "nothing-here" in done.stdout, done.stdout + done.stderr


def test_the_machines_doctor(pack: Path) -> None:
    done = started(pack, [sys.executable, str(paths.PACKAGE / "setup" / "doctor.py"), "--json"])
    assert "planted" not in done.stdout


def test_whatever_a_library_starts(pack: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By `main`, the environment is one in which the current folder is nowhere."""
    for name, value in {"PATH": ".:/usr/bin:", "PYTHONPATH": ":/elsewhere:x"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("PYTHONSAFEPATH", raising=False)
    monkeypatch.chdir(pack)
    monkeypatch.setattr(sys, "path", ["", str(pack), *(p for p in sys.path if p)])
    before = sys.path[2:]
    monkeypatch.setenv("PYTHONSAFEPATH", "")  # so that it is put back
    ignore_current_folder()
    assert os.environ["PATH"] == "/usr/bin"
    assert os.environ["PYTHONPATH"] == "/elsewhere"
    assert sys.path == before
    done = subprocess.run([sys.executable, "-c", "import json, glfw"], timeout=300, check=False)
    assert done.returncode == 0
    assert not (pack.parent / "ran").exists()
