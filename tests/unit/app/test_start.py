"""What a show loads before it begins: nothing for a desk that nobody asked for."""

from __future__ import annotations

import subprocess
import sys

from phosphene.engine.core.child import child_environment

_HEAVY = "{'aiohttp', 'segno', 'zeroconf'}"
_LOADED = f"import sys, phosphene.engine.app.live; print({_HEAVY} & {{name.split('.')[0] for name in sys.modules}})"


def test_a_show_without_a_desk_loads_no_web_server() -> None:
    command = [sys.executable, "-P", "-c", _LOADED]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True, env=child_environment())
    assert done.stdout.strip() == "set()"
