"""What a process died of is told, however it died, and however much it said."""

from __future__ import annotations

import subprocess
import sys

import pytest

from phosphene.engine.audio.last_words import LastWords, died


def end_of(code: str) -> str:
    process = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE)
    words = LastWords(process.stderr)
    return died("the process", process.wait(30), words)


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("import no_such_thing", "ended with code 1: ModuleNotFoundError: No module named 'no_such_thing'"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "was killed by SIGKILL"),
        ("import os; os.abort()", "was killed by SIGABRT"),
        ("import os; os._exit(7)", "ended with code 7"),
        ("import sys; sys.exit('no such library')", "ended with code 1: no such library"),
        ("import sys; sys.stderr.write('two\\nlines\\x1b[31m\\n\\n'); sys.exit(4)", "ended with code 4: lines\\x1b[31m"),
        ("import sys; sys.stderr.buffer.write(b'no \\xff text'); sys.exit(4)", "ended with code 4: no \ufffd text"),
        ("import sys; sys.stderr.write('why\\nALSA lib pcm.c:2721: Unknown PCM\\n'); sys.exit(4)", "ended with code 4: why"),
    ],
)
def test_it_is_told_in_a_line(code: str, told: str) -> None:
    assert end_of(code) == f"the process {told}"


def test_a_process_that_never_stops_talking_does_not_wait_and_costs_no_memory() -> None:
    told = end_of(
        "import sys\nfor _ in range(2000): sys.stderr.write('x' * 4095 + '\\n')\nsys.stderr.write('the end'); sys.exit(1)"
    )
    assert told == "the process ended with code 1: the end"
    assert len(end_of("import sys; sys.stderr.write('y' * 100_000); sys.exit(1)")) < 300
