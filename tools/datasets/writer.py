"""Writes a data set's folder: pictures, loops, sidecars, and at the end the manifest that makes them one.

Every maker holds one `Writer`. A folder that was begun here and not finished may be begun anew; a data set gives way to
another only on request; a folder that is anything else is never touched. What gives way is renamed, `images-1`, and kept.
Pictures are not kept in memory.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from phosphene import __version__
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.files import MOST_RECORD, json_there, reason
from phosphene.engine.core.placing import set_aside
from phosphene.tools.datasets.manifest import DATASET, HELD_OUT, MANIFEST, Record, divide, write_manifest
from phosphene.tools.datasets.part import PACKED
from phosphene.tools.datasets.pictures import grey

_VERSION = 1
_OURS = ("images", "loops", PACKED, MANIFEST, DATASET)


class Writer:
    """One data set in the making. records: what has been written, without sides yet. notes: what a person should know."""

    def __init__(self, folder: Path, command: str, options: dict, force: bool = False) -> None:
        """Raises UserError where the folder holds something else, or a data set and not `force`."""
        self.folder, self.records, self.notes = folder, [], []
        self._made = {"version": _VERSION, "command": command, "options": options, "phosphene": __version__}
        if folder.exists() and not folder.is_dir():
            raise UserError("not a folder", where=str(folder), remedy="give another --out")
        made = _made_of(folder)
        if (folder / MANIFEST).is_file() and not force:
            raise UserError("there is a data set here already", where=str(folder), remedy="give another --out, or --force")
        may_give_way = made is not None and (force or made.get("finished") is False)
        if folder.is_dir() and any(folder.iterdir()) and not may_give_way:
            raise UserError("the folder holds something else", where=str(folder), remedy="give another --out")
        self._begun = False

    def picture(
        self, name: str, pixels: np.ndarray, sidecar: dict, *, group: str, bucket: str, caption: str = "",
        seconds: float | None = None,
    ) -> None:  # fmt: skip
        """Write one picture, uint8 [h, w, 3], as images/BUCKET/NAME.png with its sidecar."""
        self._begin()
        path = Path("images") / bucket / f"{name}.png"
        whole = self.folder / path
        whole.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(whole, compress_level=2)  # half the time of the default, a tenth larger
        self._add(path, name, pixels.shape, sidecar, group=group, bucket=bucket, caption=caption, seconds=seconds)

    def loop(
        self, name: str, frames: np.ndarray, sidecar: dict, *, group: str, bucket: str, fps: float, variant: int = 0,
        caption: str = "",
    ) -> None:  # fmt: skip
        """Write one seamless sequence, uint8 [n, h, w, 3], as loops/NAME.npy and NAME.gray.npy, with its sidecar."""
        self._begin()
        path = Path("loops") / f"{name}.npy"
        whole = self.folder / path
        whole.parent.mkdir(parents=True, exist_ok=True)
        np.save(whole, frames)
        np.save(whole.with_suffix(".gray.npy"), grey(frames))
        self._add(
            path, name, frames.shape[1:], sidecar,
            group=group, bucket=bucket, caption=caption, frames=len(frames), fps=fps, variant=variant,
        )  # fmt: skip

    def _begin(self) -> None:
        """Clear the way for the first file: a fault before it has cost nothing, not even what --force would replace."""
        if self._begun:
            return
        self._begun = True
        try:
            for name in _OURS:
                if os.path.lexists(self.folder / name):
                    set_aside(self.folder / name)
            self.folder.mkdir(parents=True, exist_ok=True)
            # Says whose folder this is, should the making be interrupted.
            text = json.dumps({**self._made, "finished": False}, indent=2) + "\n"
            (self.folder / DATASET).write_text(text, encoding="utf-8")
        except OSError as error:
            raise UserError(
                "cannot write here", where=str(self.folder), got=reason(error), remedy="give another --out"
            ) from error

    def _add(self, path: Path, name: str, shape: tuple[int, ...], sidecar: dict, **more: object) -> None:
        about = {"id": name, "width": shape[1], "height": shape[0], **more}
        text = json.dumps({**{k: v for k, v in about.items() if v is not None}, **sidecar}, indent=2) + "\n"
        (self.folder / path).with_suffix(".json").write_text(text, encoding="utf-8")
        self.records.append(Record(path=path.as_posix(), **about))

    def drop(self, record: Record) -> None:
        """Take one record and its files away again."""
        self.records.remove(record)
        for suffix in (Path(record.path).suffix, ".json"):
            (self.folder / record.path).with_suffix(suffix).unlink()

    def finish(self, seed: int, held_out: float = HELD_OUT, sides: dict[str, str] | None = None) -> None:
        """Divide by whole groups and write the manifest. sides: of each group, if the maker knows better.

        Raises UserError if nothing was written.
        """
        if not self.records:
            raise UserError("nothing was made", where=str(self.folder), remedy="; ".join(self.notes[:3]))
        if sides is None:
            sides = divide([r.group for r in self.records], [r.bucket for r in self.records], held_out, seed)
        if held_out > 0 and "validation" not in sides.values():
            self.notes.append("one group alone: nothing is held out for validation")
        records = [record.model_copy(update={"split": sides[record.group]}) for record in self.records]
        made = {**self._made, "finished": True, "notes": self.notes, "groups": len(sides), "records": len(records)}
        write_manifest(self.folder, records, made)


def _made_of(folder: Path) -> dict[str, Any] | None:
    """Return what `dataset.json` says of a folder that a `Writer` began; None for any other program's."""
    found = json_there(folder / DATASET, MOST_RECORD)
    if not isinstance(found, dict) or found.get("version") != _VERSION:
        return None
    return found if all(isinstance(found.get(key), str) for key in ("command", "phosphene")) else None
