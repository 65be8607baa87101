"""The process that makes the still of one picture or clip: `python -P -m phosphene.engine.library.media_still_worker ORDER`.

A process of its own, at low priority, because a stranger's file may take long, take memory or bring a decoder down. ORDER is
JSON {"kind", "file", "folder"}; one line of JSON comes back on stdout: {"still": name in folder} or {"why": a line}.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from phosphene.engine.core.child import end_with_parent

if TYPE_CHECKING:
    from PIL.Image import Image

SIZE, QUALITY = (320, 180), 80
MOST_CACHED = 64 << 20  # bytes: some 6,000 stills
_STOPPED, _FULL = 3, 4  # exit codes: whoever started this process is gone; a file took too much memory
_MOST_MB = 2048.0  # of this process: a picture of 134 million pixels takes 400 MB, and as much again turned upright
_LOOK_S = 0.02
_PLACE = 0.3  # of a clip: its first pictures are often black
_MOST_PICTURES = 48  # that are decoded from there on, until one shows something
_SHOWS = 10.0  # standard deviation of its levels


def main() -> None:
    """Do what the order says."""
    end_with_parent(_STOPPED)
    if sys.platform != "win32":
        os.nice(10)  # the show paints on the same cores
    threading.Thread(target=_guard, name="memory", daemon=True).start()
    order = json.loads(sys.argv[1])

    from phosphene.engine.core.atomic import write_atomic
    from phosphene.engine.core.cache import keep_within
    from phosphene.engine.core.errors import UserError
    from phosphene.engine.models.media import Source, digest

    file, folder = Path(order["file"]), Path(order["folder"])
    try:
        name = f"{digest(Source(order['kind'], file, '', '', False))[:40]}.webp"
        if not (folder / name).is_file():
            write_atomic(folder / name, still_of(order["kind"], file))
            keep_within(folder, MOST_CACHED)
        said = {"still": name}
    except UserError as error:
        said = {"why": error.line()}
    except Exception as error:  # noqa: BLE001 boundary: a decoder raises what it likes over a stranger's bytes
        said = {"why": f"{type(error).__name__}: {error}"[:400]}
    print(json.dumps(said), flush=True)


def still_of(kind: str, file: Path) -> bytes:
    """Return the still of a picture ("image") or clip ("clip"), WebP of SIZE. Raises UserError, or what a decoder raises."""
    from PIL import Image, ImageOps

    from phosphene.engine.core.pictures import read_image

    image = read_image(file, covering=2 * SIZE[0]) if kind == "image" else _from_clip(file)
    if image.mode == "RGBA":
        black = Image.new("RGB", image.size)
        black.paste(image, mask=image.getchannel("A"))
        image = black
    out = io.BytesIO()
    ImageOps.fit(image, SIZE, Image.Resampling.LANCZOS).save(out, "WEBP", quality=QUALITY, method=4)
    return out.getvalue()


def _from_clip(file: Path) -> Image:
    """Return the first picture from `_PLACE` of a clip on that shows something, else the liveliest of those looked at."""
    import av
    import numpy as np
    from PIL import Image

    from phosphene.engine.core.errors import UserError
    from phosphene.engine.core.files import open_regular, reason
    from phosphene.engine.core.frame import Size
    from phosphene.engine.core.media import open_stream
    from phosphene.engine.sources.clip import film_of, rgb_of

    best, most = None, -1.0
    with open_regular(file, "clip") as opened:
        try:
            with open_stream(opened) as container:
                stream = film_of(container, file)
                if container.duration:
                    with contextlib.suppress(av.FFmpegError):  # one that cannot be sought begins at its beginning
                        container.seek(int(container.duration * _PLACE))
                for n, frame in enumerate(container.decode(stream)):
                    scale = min(1.0, 2.0 * SIZE[0] / frame.width)
                    size = Size(max(1, round(frame.width * scale)), max(1, round(frame.height * scale)))
                    picture = np.rot90(rgb_of(frame, size), round(frame.rotation / 90.0) % 4)
                    if (shows := float(picture.std())) > most:
                        best, most = np.ascontiguousarray(picture), shows
                    if most > _SHOWS or n + 1 >= _MOST_PICTURES:
                        break
        except (av.FFmpegError, OSError, ValueError, MemoryError) as error:
            if best is None:
                raise UserError("no film can be read in this file", where=str(file), got=reason(error)) from error
    if best is None:
        raise UserError("there is no picture in this film", where=str(file))
    return Image.fromarray(best)


def _guard() -> None:
    """End the process where a file takes too much memory: decoders do not hold the interpreter."""
    from phosphene.engine.core import clock
    from phosphene.engine.core.metrics import peak_rss_mb

    while peak_rss_mb() < _MOST_MB:
        clock.sleep(_LOOK_S)
    print(json.dumps({"why": f"it takes more than {_MOST_MB / 1024:g} GB of memory"}), flush=True)
    os._exit(_FULL)


if __name__ == "__main__":
    main()
