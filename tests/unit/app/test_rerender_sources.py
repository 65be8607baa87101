"""A take with pictures, rendered again: the same picture of a clip in each frame, and what is said of other files."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import av
import numpy as np
import pytest

from phosphene.engine.app.rerender import RerenderJob, rerender
from phosphene.engine.app.take_log import check_styles, read_take
from phosphene.engine.core.errors import UserError
from tests.films import write_film
from tests.unit.app.taken import RECORDED_FROM, Script, Seen, make_take

pytestmark = pytest.mark.gl

SCRIPT: Script = {
    0: (("/deck/a/style", ("clip:loop.mkv",)), ("/deck/a/bars", (2.0,))),
    RECORDED_FROM - 1: (("/record", (1,)),),
    50: (("/deck/a/scrub", (0.4,)), ("/deck/b/style", ("image:still.png",))),
    60: (("/deck/a/through", (0.6,)), ("/crossfade", (0.3,))),
    90: (("/deck/a/speed", (2.0,)), ("/deck/a/pingpong", (0.0,))),
}
Taken = tuple[Path, dict[int, Seen], Path]


@pytest.fixture(scope="module")
def taken(tmp_path_factory: pytest.TempPathFactory) -> Taken:
    media = tmp_path_factory.mktemp("media")
    rng = np.random.default_rng(6)
    write_film(media / "loop.mkv", [np.full((36, 64, 3), rng.integers(0, 256, 3), np.uint8) for _ in range(24)],
               times=np.cumsum(rng.uniform(0.02, 0.2, 24)).tolist())  # fmt: skip
    from PIL import Image

    Image.fromarray(rng.integers(0, 256, (36, 64, 3), np.uint8)).save(media / "still.png")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PHOSPHENE_MEDIA", str(media))
        take, seen = make_take(tmp_path_factory.mktemp("takes"), SCRIPT, missed=())
    return take, seen, media


def test_every_picture_is_the_recorded_one(taken: Taken, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    take, seen, media = taken
    monkeypatch.setenv("PHOSPHENE_MEDIA", str(media))
    rerender(RerenderJob(take, tmp_path / "frames", codec="png", signals="log", compare=False))
    found = []
    for path in sorted((tmp_path / "frames").glob("*.png")):
        with av.open(str(path)) as file:
            found += [frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)]
    changes = 0
    for k, each in seen.items():
        off = np.abs(found[k].astype(int) - each.picture[..., :3])
        assert off.mean() < 0.5, (k, off.mean(), off.max())
        changes += k > 0 and np.abs(found[k].astype(int) - found[k - 1]).mean() > 2.0
    assert changes > 20, "the clip moves"


def test_a_file_that_is_another_one_is_told_and_one_that_is_gone_is_named(
    taken: Taken, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    take, _, media = taken
    other = Path(shutil.copytree(media, tmp_path / "media"))
    monkeypatch.setenv("PHOSPHENE_MEDIA", str(other))
    assert check_styles(read_take(take)) == []
    (other / "loop.mkv").write_bytes((other / "loop.mkv").read_bytes() + b"\0")
    assert check_styles(read_take(take)) == [
        "style clip:loop.mkv has changed since: it paints other pictures than in the recording"
    ]
    (other / "still.png").unlink()
    with pytest.raises(UserError, match=r"image:still.png.*PHOSPHENE_MEDIA"):
        check_styles(read_take(take))


def test_a_take_with_a_camera_says_why_it_cannot_be_rendered(taken: Taken, tmp_path: Path) -> None:
    take = Path(shutil.copytree(taken[0], tmp_path / "take"))
    lines = [json.loads(line) for line in (take / "events.jsonl").read_text().splitlines()]
    for line in lines:
        if line["kind"] == "start":
            line["decks"]["a"]["style"] = "camera:0"
    (take / "events.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    with pytest.raises(UserError, match="a camera has no past"):
        check_styles(read_take(take))
