"""Two graphics chips: what is said where the slow one draws, on each system. The driver is a stand-in."""

from __future__ import annotations

import ctypes
import logging
import sys
from types import SimpleNamespace

import pytest

from phosphene.engine.app import live
from phosphene.engine.app.options import LiveOptions
from phosphene.engine.cli import doctor
from phosphene.engine.gpu import hybrid
from phosphene.engine.gpu.hybrid import nvidia_draws, nvidia_gpu, other_gpu

INTEL = "Mesa Intel(R) UHD Graphics (TGL GT1)"


class Driver:
    """CUDA's driver with these GPUs. fails: the functions that answer with an error."""

    def __init__(self, *names: bytes, fails: tuple[str, ...] = ()) -> None:
        self.names, self.fails = names, fails

    def _answer(self, name: str) -> int:
        return 100 if name in self.fails else 0

    def cuInit(self, flags: int) -> int:
        return self._answer("cuInit")

    def cuDeviceGetCount(self, count: ctypes._CArgObject) -> int:
        ctypes.cast(count, ctypes.POINTER(ctypes.c_int))[0] = len(self.names)
        return self._answer("cuDeviceGetCount")

    def cuDeviceGet(self, device: ctypes._CArgObject, ordinal: int) -> int:
        return self._answer("cuDeviceGet")

    def cuDeviceGetName(self, name: ctypes.Array, size: int, device: ctypes.c_int) -> int:
        name.value = self.names[0]
        return self._answer("cuDeviceGetName")


@pytest.fixture(name="laptop")
def _laptop(monkeypatch: pytest.MonkeyPatch):
    def make(platform: str, driver: Driver | None, *commands: str) -> None:
        monkeypatch.setattr(hybrid, "driver_refusal", lambda: None if driver else "no NVIDIA driver")
        monkeypatch.setattr(hybrid, "_driver", lambda: driver)
        monkeypatch.setattr(hybrid, "sys", SimpleNamespace(platform=platform, _base_executable=r"C:\Python312\python.exe"))
        monkeypatch.setattr(hybrid.shutil, "which", lambda name: f"/usr/bin/{name}" if name in commands else None)

    return make


def test_windows_is_told_its_settings_and_the_python_that_they_look_at(laptop) -> None:
    laptop("win32", Driver(b"NVIDIA GeForce RTX 4060 Laptop GPU"))
    line = other_gpu("Intel(R) Iris(R) Xe Graphics")
    assert line is not None
    assert "Intel(R) Iris(R) Xe Graphics and not with the NVIDIA GeForce RTX 4060 Laptop GPU" in line
    assert r"Graphics add C:\Python312\python.exe, choose High performance" in line


@pytest.mark.parametrize(
    ("commands", "remedy"),
    [
        (("prime-run", "switcherooctl"), "prime-run vj live"),
        (("switcherooctl",), "switcherooctl launch vj live"),
        ((), "__NV_PRIME_RENDER_OFFLOAD=1 __GLX_VENDOR_LIBRARY_NAME=nvidia in front of vj live"),
    ],
)
def test_linux_is_told_the_command_that_it_has(laptop, commands: tuple[str, ...], remedy: str) -> None:
    laptop("linux", Driver(b"Quadro T1000"), *commands)
    line = other_gpu("llvmpipe (LLVM 15.0.6, 256 bits)")
    assert line is not None
    assert "the NVIDIA Quadro T1000 of this machine" in line
    assert line.endswith(remedy)


@pytest.mark.parametrize(
    "driver", [None, Driver(), Driver(b"x", fails=("cuInit",)), Driver(b"x", fails=("cuDeviceGetCount",))]
)
def test_nothing_is_said_where_no_other_gpu_is(laptop, driver: Driver | None) -> None:
    laptop("linux", driver)
    assert other_gpu(INTEL) is None


def test_a_gpu_that_does_not_tell_its_name_is_one_all_the_same(laptop) -> None:
    laptop("linux", Driver(b"x", fails=("cuDeviceGetName",)))
    assert nvidia_gpu() == "NVIDIA GPU"


@pytest.mark.parametrize("renderer", ["NVIDIA GeForce RTX 3070/PCIe/SSE2", "Quadro P2000/PCIe/SSE2", "GeForce GTX 970"])
def test_the_driver_is_not_asked_where_nvidia_draws(laptop, monkeypatch: pytest.MonkeyPatch, renderer: str) -> None:
    laptop("win32", Driver(b"NVIDIA GeForce RTX 3070"))
    monkeypatch.setattr(hybrid, "nvidia_gpu", lambda: pytest.fail("asked"))
    assert nvidia_draws(renderer)
    assert other_gpu(renderer) is None


@pytest.mark.parametrize("renderer", [INTEL, "AMD Radeon(TM) Graphics", "llvmpipe (LLVM 15.0.6, 256 bits)", "Apple M2", ""])
def test_other_chips_are_not_taken_for_nvidia(renderer: str) -> None:
    assert not nvidia_draws(renderer)


def test_this_machine_answers_without_a_fault() -> None:
    found = nvidia_gpu()
    assert found is None or found.startswith("NVIDIA")
    assert sys.platform != "darwin" or found is None


@pytest.mark.gl
def test_the_doctor_tells_it(laptop) -> None:
    laptop("linux", None)
    assert "idle graphics card" not in doctor._drawing()
    laptop("linux", Driver(b"Quadro T1000"))
    found = doctor._drawing()
    if not nvidia_draws(found["opengl"]):
        assert "Quadro T1000" in found["idle graphics card"]


def test_a_show_tells_it_at_its_start(laptop, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    laptop("linux", Driver(b"Quadro T1000"))
    display = SimpleNamespace(name="headless", vsync=False, close=lambda: None)
    monkeypatch.setattr(live, "choose_display", lambda *given, **more: (display, ""))
    monkeypatch.setattr(live, "info", lambda: {"renderer": INTEL})
    monkeypatch.setattr(live, "_with_stage", lambda *given: 0)
    with caplog.at_level(logging.WARNING):
        assert live._on_display(LiveOptions(), None, 0.0, None, None) == 0
    assert [record.getMessage() for record in caplog.records] == [other_gpu(INTEL)]
