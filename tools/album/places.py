"""Which folders an album is rendered into: its own, by whatever links it came with. Looked at before anything is rendered.

An album may come from a stranger, and a folder of its tracks may be a link to anywhere. Writes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from phosphene.engine.core.errors import UserError
from phosphene.engine.core.files import reason
from phosphene.tools.album.checks import Checked
from phosphene.tools.album.job import SHOW, folder_of
from phosphene.tools.album.previews import FOLDER
from phosphene.tools.album.schema import Faults


def check_places(checked: Checked, base: Path) -> None:
    """Raise Faults, one for each track at most, where a folder that is written into is not in `base`."""
    faults = [fault for fault in (_leads_out(checked.root, base), *_of_tracks(checked, base)) if fault is not None]
    if faults:
        raise Faults(faults[:1] if faults[0].where == str(checked.root) else faults)


def _of_tracks(checked: Checked, base: Path) -> Iterator[UserError | None]:
    for track in checked.album.track:
        folder = folder_of(checked.root, track.id)
        found = (_leads_out(place, base) for place in (folder, folder / FOLDER, folder / SHOW))
        yield next((fault for fault in found if fault is not None), None)


def _leads_out(place: Path, base: Path) -> UserError | None:
    try:
        real = place.resolve()
    except (OSError, RuntimeError) as error:  # links in a circle
        return UserError("no usable path", where=str(place), got=reason(error), remedy="remove the link")
    if real.is_relative_to(base):
        return None
    remedy = "remove the link, or render with --allow-outside"
    return UserError(
        "the path leads out of the album's folder", where=str(place), allowed=f"{base}/...", got=real, remedy=remedy
    )
