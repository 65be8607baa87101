"""A network of a program's own, without any other machine in it: loopback alone carries the multicast that Link speaks."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from collections.abc import Sequence


@functools.cache
def refusal() -> str:
    """Return why this system gives none; nothing where it does."""
    if shutil.which("unshare") is None or shutil.which("ip") is None:
        return "no unshare or no ip: a network of one's own cannot be made"
    if subprocess.run([*_unshare(), "true"], capture_output=True).returncode:
        return "this system makes no network of one's own"
    return ""


def within(command: Sequence[str]) -> list[str]:
    """Return the command that runs `command`, and all that it starts, in a network of their own."""
    return [*_unshare(), "sh", "-c", 'ip link set lo up && exec "$@"', "sh", *command]


def _unshare() -> list[str]:
    # Who is root needs no user namespace, in which the audio process could not be given its priority.
    return ["unshare", "-n" if os.geteuid() == 0 else "-rn"]
