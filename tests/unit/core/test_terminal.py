"""The terminal: whatever it is, lines reach it, nobody waits for it, and what goes wrong is one line and an exit code."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading

import pytest

from phosphene.engine.core import terminal


def program(code: str, *, redirect: str = "", env: dict[str, str] | None = None) -> subprocess.CompletedProcess:
    """Run `code` as the work of a program called `it`, by a shell that redirects its streams."""
    head = "import sys\nfrom phosphene.engine.core.errors import UserError\n"
    head += "from phosphene.engine.core.terminal import print_anything, run"
    text = f"{head}\nprint_anything()\ndef work():\n    {code}\nrun('it', work)"
    command = f'exec "$0" -P -c "$1" {redirect}'
    given = {"PATH": os.environ["PATH"]} | (env or {})
    return subprocess.run(
        ["sh", "-c", command, sys.executable, text], capture_output=True, env=given, timeout=300, check=False
    )


FAULTS = {
    "raise UserError('no such style', got='a\\nb')": (2, b"it: no such style: got: a\\nb\n"),
    "open('/nowhere/at all')": (2, b"it: cannot go on (/nowhere/at all): No such file or directory\n"),
    "raise MemoryError": (2, b"it: not enough memory"),
    "raise KeyboardInterrupt": (130, b"it: stopped\n"),
    "raise TypeError('two\\nlines')": (70, b"it: a fault of the program itself, TypeError: two\\nlines; it --verbose"),
    "raise SystemExit(3)": (3, b""),
    "print('well')": (0, b""),
}


@pytest.mark.parametrize("code", FAULTS)
def test_what_goes_wrong_is_one_line_and_an_exit_code(code):
    done, (wanted, line) = program(code), FAULTS[code]
    assert (done.returncode, done.stderr[: len(line)]) == (wanted, line)
    assert done.stderr.count(b"\n") == bool(line)


@pytest.mark.skipif(os.name != "posix", reason="a POSIX shell")
def test_streams_that_are_closed_full_or_gone():
    assert program("print('x')", redirect=">&-").returncode == 0
    assert program("sys.stderr.write('x')", redirect="2>&-").returncode == 0
    full = program("print('x')", redirect=">/dev/full")
    assert (full.returncode, full.stderr) == (2, b"it: cannot go on: disk full\n")
    assert program("print('x' * 1_000_000)", redirect="| head -c 1").stderr == b""


@pytest.mark.skipif(os.name != "posix", reason="a POSIX shell")
def test_no_file_takes_the_number_of_a_closed_stream(tmp_path):
    code = f"f = open({str(tmp_path / 'film')!r}, 'wb'); f.write(b'film'); f.flush(); import os; os.write(2, b'a line')"
    program(code, redirect="2>&- >&-")
    assert (tmp_path / "film").read_bytes() == b"film"


def test_every_name_can_be_printed_everywhere():
    for env in ({"LC_ALL": "C"}, {"PYTHONIOENCODING": "ascii"}, {"PYTHONIOENCODING": "cp1252"}):
        done = program("print('★ \\udcff ü')", env=env)
        assert done.returncode == 0
        assert done.stdout.strip()


def test_nobody_waits_for_a_terminal_that_does_not_read():
    reads, lines = threading.Event(), []

    def write(data: bytes) -> int:
        reads.wait()
        lines.append(data)
        return len(data)

    log, logger = terminal.TerminalLog(write), logging.Logger("terminal")
    logger.addHandler(log)
    for k in range(5000):  # a thread that waited would never come to an end here
        logger.warning("line %d", k)
    reads.set()
    log.close()
    text = b"".join(lines).decode()
    assert "line 0\n" in text
    assert "line 999\n" in text
    assert text.count("\n") < 1100
    logger.warning("after the end")


def test_what_was_left_out_is_told_when_there_is_room_again():
    reads, lines = threading.Event(), []
    log, logger = (
        terminal.TerminalLog(lambda data: (reads.wait(), lines.append(data), len(data))[2]),
        logging.Logger("terminal"),
    )
    logger.addHandler(log)
    for k in range(1500):
        logger.warning("line %d", k)
    reads.set()
    while len(lines) < 1000:
        reads.wait(0.01)
    logger.warning("the newest")
    log.close()
    text = b"".join(lines).decode()
    assert "lines were left out: the terminal did not read" in text
    assert text.endswith("the newest\n")


def test_the_end_of_a_program_does_not_wait_for_ever():
    stuck = threading.Event()
    log, logger = terminal.TerminalLog(lambda data: stuck.wait()), logging.Logger("terminal")
    logger.addHandler(log)
    logger.warning("nobody reads this")
    log.close()  # comes back
    stuck.set()


def test_texts_are_printed_as_they_are(capsys):
    terminal.console().print("pip install 'phosphene[rtx]' :smile: [red]x[/]")
    assert capsys.readouterr().out == "pip install 'phosphene[rtx]' :smile: [red]x[/]\n"
