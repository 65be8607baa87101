"""Whether a recording's pictures are encoded without leaving the GPU, and why not. Used by `recording.py`."""

from __future__ import annotations

from phosphene.engine.core.errors import UserError
from phosphene.engine.gpu.cuda import open_cuda
from phosphene.engine.gpu.texture import RenderTarget
from phosphene.engine.output.device_capture import DeviceCapture, Packer
from phosphene.engine.output.encoder import nvenc_refusal

DEVICE_PICTURES = 12  # 8 may wait, one is in the encoder's hands, one is repeated, one is being taken; one to spare


class GpuPictures:
    """The way from device memory to NVENC: closed until `probe` has found it open. refusal: why it is closed."""

    def __init__(self) -> None:
        self.refusal = ""
        self._packer: Packer | None = None

    def probe(self) -> None:
        """Try it. On a thread that may wait for a driver."""
        self.refusal = nvenc_refusal()
        if self.refusal:
            return
        try:
            packer = Packer(open_cuda())
            packer.probe()
            self._packer = packer
        except UserError as error:
            self.refusal = error.line()
        except Exception as error:  # noqa: BLE001 boundary: drivers and encoders fail in their own ways; there is another way
            self.refusal = f"{type(error).__name__}: {error}"

    def capture(self, picture: RenderTarget) -> tuple[DeviceCapture | None, str]:
        """Return what takes the pictures on the GPU, where that is possible, and what is new against it. Render thread."""
        if self._packer is None:
            return None, ""
        try:
            return DeviceCapture(self._packer, picture, DEVICE_PICTURES), ""
        except Exception as error:  # noqa: BLE001 boundary: a driver may refuse to share the texture; the other way is always there
            return None, f"{type(error).__name__}: {error}"

    def refuse(self, reason: str) -> None:
        """Close the way for all recordings to come."""
        self._packer, self.refusal = None, reason
