"""Writes captured sound to a FLAC file as it comes, so that a crash costs at most the last block (85 ms).

Called by the recorder thread. Never raises on a failing disk: `error` says why the file ended.
"""

from __future__ import annotations

import logging
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from phosphene.engine.core.errors import one_line
from phosphene.engine.core.files import reason
from phosphene.engine.core.media import create_media
from phosphene.engine.core.naming import refused
from phosphene.engine.output.remux import AUDIO_RATE
from phosphene.engine.output.safe_file import SafeFile

log = logging.getLogger(__name__)


class FlacWriter:
    """24-bit stereo FLAC at 48 kHz. Raises UserError when the file cannot be opened, or is there already."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.samples = 0
        self._failure = ""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._raw = open(self.path, "xb", buffering=0)  # noqa: SIM115 (held until close)
        except OSError as error:
            raise refused("cannot write the sound", self.path, error) from error
        self._file = SafeFile(self._raw, self.path)
        self._container = create_media(self._file, "flac", container_options={"flush_packets": "1"})
        self._stream: Any = self._container.add_stream("flac", rate=AUDIO_RATE, layout="stereo", format="s32")

    @property
    def failure(self) -> OSError | None:
        """`error` for callers that raise it."""
        return self._file.error or (OSError(self._failure) if self._failure else None)

    @property
    def error(self) -> str:
        """Why the file ended early; empty while all is well."""
        return reason(self._file.error) if self._file.error else self._failure

    def write(self, pcm: np.ndarray) -> None:
        """Append float32[n, 2], full scale 1; beyond that it clips."""
        if not len(pcm):
            return
        packed = (np.clip(pcm, -1.0, 1.0 - 2.0**-23).astype(np.float64) * 2.0**31).astype(np.int32).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(packed, format="s32", layout="stereo")
        frame.sample_rate = AUDIO_RATE
        frame.pts = self.samples
        frame.time_base = Fraction(1, AUDIO_RATE)
        self.samples += len(pcm)
        self._encode(frame)

    def close(self) -> None:
        """Finish the file."""
        self._encode(None)
        try:
            self._container.close()
        except (av.FFmpegError, ValueError) as error:  # ValueError: nothing was ever written
            self._failure = self._failure or f"end of file: {error}"
        try:
            self._raw.close()
        except OSError as error:  # network file systems report a full disk here
            self._file.error = self._file.error or error

    def discard(self) -> None:
        """Close the file and remove it: for one that belongs to no picture."""
        self.close()
        self.path.unlink(missing_ok=True)

    def _encode(self, frame: av.AudioFrame | None) -> None:
        if self.error:
            return
        try:
            self._container.mux(self._stream.encode(frame))
        except av.FFmpegError as error:
            self._failure = f"encoder: {error}"
            log.error("sound of %s ended: %s", one_line(str(self.path)), error)
