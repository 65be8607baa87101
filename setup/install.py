"""Install what is missing, then start: the show, the trainer or the tests. Standard library only, any Python from 3.8.

    python setup/install.py run [options of vj live]
    python setup/install.py train [options of vj train]
    python setup/install.py test [options of pytest]          (Linux)
    python setup/install.py --plan windows                    print every step, do none; also macos, linux

Called by run.sh, run.command, run.bat, run.ps1, train.sh and test.sh, which only find a Python. Everything goes into `.venv`
of the checkout, by uv where it is there and by pip where not; system packages come from apt, where that is allowed. It says
one line for each step on standard error, and what pip says goes to .venv/setup.log. A stamp in .venv makes the next start
immediate, and a step that failed leaves none: the next start begins again.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath

sys.path.insert(0, str(Path(__file__).resolve().parent))
import doctor

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
LOG = VENV / "setup.log"
# There while packages are installed. Who finds it at a start knows that pip was killed, or the power cut: what lies there
# may be half, and pip would take it for whole.
UNFINISHED = VENV / "unfinished"
# level: (extras, GB that it takes, how long it takes, the command that it starts)
LEVELS = {
    "live": ("nets,midi,zeroconf", 2.0, "about a minute", ["vj", "live"]),
    "train": ("train,eyes", 8.0, "torch among them, 5 GB: some minutes", ["vj", "train"]),
    "tests": ("dev,train,clip,rtx,ray", 9.0, "torch among them, 5 GB: some minutes", []),
}
VERBS = {"run": "live", "train": "train", "test": "tests"}
# A level that holds all that another one needs: whoever can run the tests can train, and run the show.
ENOUGH = {"live": ("tests", "train", "live"), "train": ("tests", "train"), "tests": ("tests",)}
SYSTEMS = {"windows": PureWindowsPath, "macos": PurePosixPath, "linux": PurePosixPath}
_AGAIN = "then run this again"
_KILLED = b"it was ended from outside"
_NETWORK = "check the network (and a proxy, if there is one)"
# What the end of pip's or uv's log tells, and what to do about it. The first that is found counts.
_FAULTS = (
    (("no space left", "not enough space", "disk full", "os error 28", "winerror 112"), "free some space"),
    (("winerror 32", "winerror 5]", "used by another process", "os error 32", "os error 5)"),
     "close every Phosphene that runs from here"),
    (("timed out", "timeout", "connection", "temporary failure", "name resolution", "network is unreachable",
      "incompleteread", "incomplete download", "from versions: none", "dns error", "failed to fetch"), _NETWORK),
    (("no matching distribution", "microsoft visual c++", "failed building wheel", "failed to build",
      "could not build wheels", "gcc' failed", "cc' failed", "unable to find a compatible visual studio"),
     "a package has no wheel for this Python: install Python 3.12"),
)  # fmt: skip


class Stop(Exception):
    """What ends an installation: one sentence, and what to do about it."""

    def __init__(self, what: str, *remedies: str) -> None:
        super().__init__(what)
        self.remedies = remedies


def system() -> str:
    """Return the name of this system: windows, macos or linux, which stands for every other one."""
    return {"win32": "windows", "darwin": "macos"}.get(sys.platform, "linux")


def program(name: str, place: PurePath, on: str) -> str:
    """Return where a virtual environment at `place` keeps a program."""
    return str(place / "Scripts" / (name + ".exe") if on == "windows" else place / "bin" / name)


def venv_command(uv: str, python: str, place: PurePath) -> list[str]:
    """Return the command that makes the virtual environment; the log lies there already."""
    if uv:
        return [uv, "venv", "--quiet", "--allow-existing", "--seed", "--python", python, str(place)]
    return [python, "-I", "-m", "venv", str(place)]  # -I: -m alone would import what lies in the current folder


def install_command(uv: str, place: PurePath, extras: str, on: str) -> list[str]:
    """Return the command that installs, to be run in the root: extras can only be asked of `.` where its path has spaces."""
    python = program("python", place, on)
    pinned = ["--constraint", str(PurePath("setup") / "constraints.txt"), "--editable", ".[" + extras + "]"]
    if uv:
        return [uv, "pip", "install", "--python", python, *pinned]
    quiet = ["--no-input", "--disable-pip-version-check", "--progress-bar", "off"]
    return [python, "-m", "pip", "install", *quiet, *pinned]


def plan(on: str, level: str = "live", uv: bool = True) -> list[str]:
    """Return every step of a first start on a system, in words and commands."""
    root = SYSTEMS[on]("C:\\phosphene" if on == "windows" else "/home/me/phosphene")
    extras, space, told, starts = LEVELS[level]
    place, word = root / ".venv", "uv" if uv else ""
    finds = {"windows": "py -3, python, or uv", "macos": "python3 (python.org, Homebrew), or uv", "linux": "python3, or uv"}
    steps = [
        "find Python {}.{} or newer: {}".format(*doctor.OLDEST, finds[on]),
        f"check that {space:g} GB are free in {root}",
    ]
    if on == "linux":
        names = [piece.package for piece in doctor.PIECES if piece.level == "live" or level == "tests"]
        steps.append("install the system packages that are missing, where root or sudo without a password allows it:")
        steps.append("    apt-get install -y --no-install-recommends --no-remove " + " ".join(names))
    else:
        steps.append("system packages: none; the wheels bring PortAudio, GLFW and FFmpeg")
    steps.append("make the virtual environment:")
    steps.append("    " + quoted(venv_command(word, "3.12" if uv else "python", place), on))
    steps.append(f"install Phosphene and its packages ({told}), in {root}:")
    steps.append("    " + quoted(install_command(word, place, extras, on), on))
    steps.append("write {}, so that the next start skips all this".format(place / ("ready-" + level)))
    if starts:
        steps.append("start:")
        steps.append("    " + quoted([program(starts[0], place, on), *starts[1:]], on))
    return steps


def quoted(command: list[str], on: str) -> str:
    return subprocess.list2cmdline(command) if on == "windows" else " ".join(map(shlex.quote, command))


def state() -> str:
    """Return what an installation depends on: with another Python, place or pins it is out of date."""
    python = Path(program("python", VENV, system()))
    digest = hashlib.sha256()
    version = subprocess.run([str(python), "-V"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False).stdout
    digest.update(version + os.fsencode(str(ROOT)))
    for name in ("pyproject.toml", "setup/constraints.txt", "setup/doctor.py", "setup/install.py"):
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()


def ready(level: str) -> bool:
    """Whether a level was installed from the present state, and its programs are there."""
    stamp = VENV / ("ready-" + level)
    try:
        whole = Path(program("vj", VENV, system())).exists() and not UNFINISHED.exists()
        return whole and stamp.read_text("ascii") == state()
    except OSError:
        return False


def say(text: str, end: str = "\n") -> None:
    sys.stderr.write(text + end)
    sys.stderr.flush()


def step(title: str, *commands: list[str]) -> bool:
    """Run commands until one fails, their output into the log; say how long it took. Return whether all worked."""
    say(title + " ... ", end="")
    began = time.monotonic()
    with open(LOG, "ab") as log:
        for command in commands:
            try:
                code = subprocess.run(command, cwd=str(ROOT), stdout=log, stderr=log, stdin=subprocess.DEVNULL).returncode
            except OSError as error:
                log.write(str(error).encode("utf-8", "replace") + b"\n")
                code = 1
            if code:
                if not 0 < code < 256:  # a signal, or as Windows says that
                    log.write(b"%s: %d\n" % (_KILLED, code))
                say("failed")
                return False
    say(f"{time.monotonic() - began:.0f} s")
    return True


def end_of_log(lines: int) -> list[str]:
    try:
        return LOG.read_text("utf-8", "replace").splitlines()[-lines:]
    except OSError:
        return []


def remedy_of(lines: list[str]) -> str:
    """Return what to do about the fault that the end of a log tells of; empty where it is not known."""
    text = "\n".join(lines).lower()
    return next((remedy for words, remedy in _FAULTS if any(word in text for word in words)), "")


def apt() -> list[str]:
    """Return the beginning of an apt command, or nothing where it is not there or not allowed."""
    found = shutil.which("apt-get")
    if found is None:
        return []
    options = [found, "-q", "-o", "DPkg::Lock::Timeout=120"]
    if sys.platform != "win32" and os.geteuid() == 0:
        return ["env", "DEBIAN_FRONTEND=noninteractive", *options]
    sudo = shutil.which("sudo")
    if sudo is None or subprocess.run([sudo, "-n", "true"], stderr=subprocess.DEVNULL, check=False).returncode:
        return []
    return [sudo, "-n", "env", "DEBIAN_FRONTEND=noninteractive", *options]


def add_system_packages(level: str) -> None:
    """Install what the level lacks of a Linux system. Raises Stop naming it where that is not allowed or fails."""
    missing = doctor.missing_packages(level)
    if not missing:
        return
    names = " ".join(missing)
    # --no-remove: apt refuses rather than take away something of the user's (PulseAudio would oust PipeWire's stand-in).
    begin = apt()
    wanted = [*begin, "install", "-y", "--no-install-recommends", "--no-remove", *missing]
    title = "Installing system packages: " + names
    if begin and (step(title, wanted) or step("Once more, with new lists", [*begin, "update"], wanted)):
        return
    raise Stop(
        "system packages are missing: " + names,
        "Debian, Ubuntu: sudo apt-get install " + names,
        f"elsewhere: the packages that hold what 'python3 setup/doctor.py --level {level}' lists as missing",
        _AGAIN,
    )


def check_place(gigabytes: float) -> None:
    """Raise Stop where nothing can be written here, or the disk is too full."""
    try:
        VENV.mkdir(exist_ok=True)
        LOG.write_bytes(b"")
    except OSError as error:
        reason = error.strerror or str(error)
        remedy = "put the folder where you may write, " + _AGAIN
        raise Stop(f"nothing can be written in {VENV}: {reason}", remedy) from error
    free = shutil.disk_usage(str(ROOT)).free / 1e9
    if free < gigabytes:
        raise Stop(f"only {free:.1f} GB are free in {ROOT}; {gigabytes:g} GB are needed", "free some space, " + _AGAIN)


def remove(place: Path) -> None:
    """Remove what lies there; a link is removed and not followed."""
    if place.is_symlink() or place.is_file():
        place.unlink()
    elif place.is_dir():
        shutil.rmtree(str(place))


def prepare(level: str) -> None:
    """Bring this machine to a level. Raises Stop."""
    extras, space, told, _ = LEVELS[level]
    if sys.version_info[:2] < doctor.OLDEST:
        raise Stop("Python {}.{} is too old".format(*sys.version_info[:2]), "install Python 3.12, " + _AGAIN)
    if doctor.of_store():
        raise Stop(
            "this Python is the Microsoft Store's: Windows puts elsewhere what it writes",
            "winget install Python.Python.3.12",
            _AGAIN,
        )
    check_place(space)
    stamp = VENV / ("ready-" + level)
    if stamp.exists():
        stamp.unlink()
    say("Python {}.{}.{}: {}".format(*sys.version_info[:3], sys.executable))
    if system() == "linux":
        add_system_packages(level)
    uv = shutil.which("uv") or ""
    python = Path(program("python", VENV, system()))
    sound = f"import sys; sys.exit(sys.version_info[:2] < {doctor.OLDEST!r} or sys.prefix == sys.base_prefix)"
    half = UNFINISHED.exists()
    UNFINISHED.write_bytes(b"")
    if half or not python.exists() or not doctor.ask([str(python), "-I", "-c", sound])[0]:
        for name in ("bin", "lib", "lib64", "include", "Scripts", "Lib", "Include", "pyvenv.cfg"):  # of a broken one
            remove(VENV / name)
        base = getattr(sys, "_base_executable", "") or sys.executable  # not that of another virtual environment
        if not step("Making the virtual environment", venv_command(uv, base, VENV)):
            raise Stop(
                f"cannot make {VENV}",
                "Debian, Ubuntu: sudo apt-get install python3-venv; elsewhere remove that folder",
                _AGAIN,
            )
    command = install_command(uv, VENV, extras, system())
    title = f"Installing Phosphene and its packages ({told})"
    if not step(title, command):
        if remedy_of(end_of_log(80)) == _NETWORK:
            time.sleep(5.0)
        if remedy_of(end_of_log(80)) != _NETWORK or not step("Once more", command):
            lines = end_of_log(80)
            if not any(_KILLED.decode() in line for line in lines) and "space" not in remedy_of(lines):
                UNFINISHED.unlink()  # pip ended by itself: what was there before is whole
            raise Stop("the packages could not be installed", ", ".join(filter(None, (remedy_of(lines), _AGAIN))))
    stamp.write_text(state(), "ascii")
    UNFINISHED.unlink()


def start(level: str, arguments: list[str]) -> int:
    """Start what the level is for; return its exit code. On POSIX it takes the place of this process."""
    starts = LEVELS[level][3]
    if not starts:
        return 0
    command = [program(starts[0], VENV, system()), *starts[1:], *arguments]
    if system() != "windows":
        return os.execv(command[0], command)
    try:
        return subprocess.run(command, check=False).returncode
    except KeyboardInterrupt:  # the show has had it too, and ends
        return 130


def clean_path() -> None:
    """Leave relative folders out of PATH: they are of the folder that this was started in, anybody's."""
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    os.environ["PATH"] = os.pathsep.join(folder for folder in folders if os.path.isabs(folder))


def main(arguments: list[str]) -> int:
    """Return the exit code: 2 for what a person can mend, else that of what was started."""
    if arguments[:1] == ["--plan"] and len(arguments) > 1 and arguments[1] in SYSTEMS:
        print("\n".join(plan(arguments[1], uv="--pip" not in arguments)))
        return 0
    if not arguments or arguments[0] not in VERBS:
        print((__doc__ or "").strip())
        return 0 if arguments[:1] in (["-h"], ["--help"]) else 2
    level = VERBS[arguments[0]]
    clean_path()
    try:
        if not any(map(ready, ENOUGH[level])):
            prepare(level)
        return start(level, arguments[1:])
    except Stop as error:
        if lines := end_of_log(15):
            say("\n" + "\n".join("    " + line for line in lines) + f"\n\n(all of it: {LOG})")
        say("phosphene: " + str(error))
        for remedy in error.remedies:
            say("  " + remedy)
        return 2
    except OSError as error:
        say(f"phosphene: cannot go on ({error.filename or VENV}): {error.strerror or error}")
        say("  " + (remedy_of([str(error)]) or "see that you may write there") + ", " + _AGAIN)
        return 2
    except KeyboardInterrupt:
        say("stopped; the next start goes on")
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
