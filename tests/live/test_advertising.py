"""The desk is found by itself: another program browses for it, in a network of its own where nothing leaves the machine."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

pytestmark = pytest.mark.live

_BOTH = """
import time
from zeroconf import ServiceBrowser, Zeroconf
from phosphene.engine.desk.advertise import OSC, OSCQUERY, Advertisement

class Found:
    def __init__(self): self.names = []
    def add_service(self, zc, kind, name): self.names.append((kind, zc.get_service_info(kind, name).port))
    def update_service(self, *_): pass
    def remove_service(self, zc, kind, name): self.names = [n for n in self.names if n[0] != kind]

ours = Advertisement("Phosphene (test)", ["127.0.0.1"], {OSCQUERY: 8800, OSC: 9000})
other = Zeroconf(interfaces=["127.0.0.1"])
found = Found()
browser = ServiceBrowser(other, [OSCQUERY, OSC], found)
def until(done):
    for _ in range(600):
        if done(): return
        time.sleep(0.05)
    raise SystemExit(f"not seen: {found.names} {ours.fault}")
until(lambda: len(found.names) == 2)
print(sorted(found.names))
ours.close()
until(lambda: not found.names)
other.close()
"""


def test_another_program_finds_it_and_loses_it_when_the_show_ends():
    if shutil.which("unshare") is None or subprocess.run(["unshare", "-rn", "true"], capture_output=True).returncode:
        pytest.skip("a network of one's own cannot be made here")
    setup = "ip link set lo up && ip link set lo multicast on && exec "
    run = subprocess.run(
        ["unshare", "-rn", "sh", "-c", f'{setup} "$0" -c "$1"', sys.executable, _BOTH],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.returncode == 0, run.stderr
    assert "('_osc._udp.local.', 9000), ('_oscjson._tcp.local.', 8800)" in run.stdout
