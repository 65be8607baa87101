"""What every test stands on: numpy raises instead of warning, and one headless OpenGL context for the session."""

from __future__ import annotations

import contextlib
import importlib
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from phosphene.engine.core.clock import wall_clock
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.paths import cache_dir
from tests.live.machine import TOO_BUSY, faults, table

# What a person has is neither seen nor touched; what can be made again is kept for the next time.
os.environ.setdefault("PHOSPHENE_CACHE", str(cache_dir()))
_home = tempfile.TemporaryDirectory(prefix="phosphene-home-")
os.environ["PHOSPHENE_HOME"] = _home.name

# Before anything imports OpenGL: in tests every call is checked for a GL error.
os.environ.setdefault("PHOSPHENE_GL_DEBUG", "1")

# Torch's optimisers import triton, whose LLVM ends the process when software GL has loaded another one before it: so it is
# loaded here, before any test makes a context, whichever tests are run and in whatever order.
with contextlib.suppress(ImportError):
    importlib.import_module("triton._C.libtriton")

# Underflow to zero is what decays and exponentials are for; everything else is a bug.
np.seterr(all="raise", under="ignore")


def pytest_addoption(parser: pytest.Parser) -> None:
    # Here and not beside the golden tests: pytest reads options of the top conftest only when it collects all of `tests`.
    parser.addoption("--regenerate", action="store_true", help="write the golden pictures instead of comparing")
    parser.addoption("--faults-table", metavar="PATH", help="write the table of injected faults into this Markdown page")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever takes the `gl` fixture is a GL test: the marker follows."""
    for item in items:
        if "gl" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.gl)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo):
    """In CI a skip of `live` or `gl` is a failure: a machine that checks releases must have what they need. But a GPU."""
    report = yield
    marked = {mark.name for mark in item.iter_markers()}
    wanted = marked & {"gl", "live"} and "gpu" not in marked
    busy = call.excinfo is not None and TOO_BUSY in str(call.excinfo.value)
    if report.skipped and wanted and os.environ.get("CI") and not busy and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped in CI: {call.excinfo.value if call.excinfo else report.longrepr}"
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say what faults were injected into running shows and for how long each held the picture."""
    if not faults:
        return
    terminalreporter.section("faults injected into running shows")
    terminalreporter.write(table(faults.values()))
    if path := config.getoption("--faults-table"):
        page = Path(path)
        head, _, rest = page.read_text("utf-8").partition("<!-- faults -->")
        _, _, tail = rest.partition("<!-- /faults -->")
        made = f"{platform.machine()}, {os.cpu_count()} cores, {wall_clock().date()}"
        page.write_text(f"{head}<!-- faults -->\n{made}:\n\n{table(faults.values())}<!-- /faults -->{tail}", "utf-8")


@pytest.fixture(scope="session")
def gl_context():
    """The session's headless context, or a skip that says why there is none."""
    from phosphene.engine.gpu.context import HeadlessContext

    try:
        context = HeadlessContext()
    except UserError as error:
        pytest.skip(f"no OpenGL: {error}")
    yield context
    context.close()


@pytest.fixture
def gl(gl_context) -> Iterator[object]:
    """The headless context, current on this thread; fails the test if it left a GL error behind."""
    from phosphene.engine.gpu.gl import GL

    gl_context.make_current()
    yield gl_context
    if (error := GL.glGetError()) != GL.GL_NO_ERROR:
        pytest.fail(f"the test left GL error {int(error):#x}")


@pytest.fixture
def small_disk(tmp_path) -> Iterator[Path]:
    """A disk of 1 MB that is really full when it is full."""
    if os.name != "posix" or os.geteuid() != 0 or not shutil.which("mount"):
        pytest.skip("mounting a small tmpfs needs root")
    place = tmp_path / "disk"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", place], capture_output=True).returncode:
        pytest.skip("this machine does not let root mount a tmpfs")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", place], check=True)


@pytest.fixture(scope="session")
def tiny_gan():
    """See `decoded_styles.small_gan`."""
    from tests.decoded_styles import small_gan

    return small_gan()


@pytest.fixture(scope="session")
def tiny_vqvae():
    """See `decoded_styles.small_vqvae`."""
    from tests.decoded_styles import small_vqvae

    return small_vqvae()
