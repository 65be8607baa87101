"""The one command: what it knows without importing anything, and that everything it names is there."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from phosphene import __version__
from phosphene.engine.cli.main import _COMMANDS, _loaded

HEAVY = {"OpenGL", "torch", "numpy", "av", "sounddevice", "glfw", "onnxruntime"}


def imported(*arguments: str) -> tuple[str, set[str]]:
    """Return what `vj` printed, and the packages that it had imported by then."""
    code = (
        "import contextlib, io, json, sys\nfrom phosphene.__main__ import main\nsaid = io.StringIO()\n"
        "with contextlib.redirect_stdout(said), contextlib.suppress(SystemExit):\n    main()\n"
        "print(json.dumps([said.getvalue(), sorted({name.split('.')[0] for name in sys.modules})]))"
    )
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=300, check=True)
    said, names = json.loads(done.stdout)
    return said, set(names)


def test_the_version_is_told_before_anything_is_imported():
    said, names = imported("--version")
    assert said == f"phosphene {__version__}\n"
    assert not names & {*HEAVY, "typer", "rich"}


def test_help_names_every_command_and_loads_none():
    said, names = imported("--help")
    for name, place in _COMMANDS.items():
        assert name in said
        assert place.help[:30] in said
    assert not names & HEAVY


@pytest.mark.parametrize("arguments", [("train", "style"), ("train", "gan"), ("train", "vqvae")])
def test_help_of_a_trainer_loads_nothing_that_trains_or_paints(arguments):
    said, names = imported(*arguments, "--help")
    assert f"Usage: vj {' '.join(arguments)}" in said
    assert not names & {"OpenGL", "torch", "onnxruntime"}


@pytest.mark.parametrize("name", _COMMANDS)
def test_every_command_is_there(name):
    command = _loaded(name, _COMMANDS[name])
    assert command.name == name
    assert command.make_context(name, [], resilient_parsing=True) is not None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["lvie"], "Did you mean 'live'?"),
        (["trane"], "Did you mean 'train'?"),
        (["live", "--recrod", "x.mp4"], "--record"),
        (["live", "--style", "neon-tied"], "neon-tide"),
        (["live", "--scene", "puls"], "pulse"),
        (["styles", "show", "mantra"], "manta"),
        (["train", "gan"], "--out"),
        (["train", "--output", "x"], "nothing to train towards"),
        (["train", "--prompt", "!!!"], "bad slug"),
    ],
)
def test_a_slip_of_the_fingers_is_answered(arguments, said):
    done = subprocess.run(
        [sys.executable, "-m", "phosphene", *arguments], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_program_that_parses_by_itself_gets_its_words_as_they_are(monkeypatch):
    from phosphene.tools import train

    given = []
    monkeypatch.setattr(train, "main", lambda argv, prog: given.append((list(argv), prog)) or 3)
    command = _loaded("train", _COMMANDS["train"])
    code = command.main(["gan", "--prompt", "pink and $blue", "--help"], prog_name="vj train", standalone_mode=False)
    assert code == 3
    assert given == [(["gan", "--prompt", "pink and $blue", "--help"], "vj train")]
