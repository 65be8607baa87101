"""What pages are told of scenes and styles: whose pictures they have, and that nothing else of the disk is to be had."""

from __future__ import annotations

import base64
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from phosphene.engine.backends.isf_trial import still_place
from phosphene.engine.core import clock
from phosphene.engine.core.paths import PACKAGE
from phosphene.engine.desk.library import DeskLibrary
from phosphene.engine.library.catalogue import show_catalogue
from phosphene.engine.models.shaders import load_shader
from phosphene.engine.show.scene import scene_names
from phosphene.engine.show.setlist import EMPTY
from phosphene.tools.lab.scene_stills import CHOSEN, SIZE, liveliness, moments

SHIPPED = scene_names((PACKAGE / "scenes",))


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> DeskLibrary:
    monkeypatch.setenv("PHOSPHENE_HOME", str(tmp_path))
    monkeypatch.setattr("phosphene.engine.desk.library.input_names", lambda: ["demo"])
    (tmp_path / "scenes").mkdir()
    shutil.copy(PACKAGE / "scenes" / "pond.toml", tmp_path / "scenes" / "mine.toml")
    return DeskLibrary(show_catalogue(), EMPTY)


def test_every_shipped_scene_has_a_small_picture_of_its_own(library: DeskLibrary) -> None:
    told = {scene["slug"]: scene for scene in library.document()["scenes"]}
    small = {}
    for slug in SHIPPED:
        assert told[slug]["still"] == f"/desk/scene/{slug}/still.webp"
        file = library.file("scene", slug, "still.webp")
        assert file is not None
        assert file.stat().st_size < 30_000
        with Image.open(file) as picture:
            assert picture.size == (SIZE.width, SIZE.height)
            assert liveliness(picture.convert("RGB")) > 0.1
            small[slug] = np.asarray(picture.convert("RGB").resize((16, 9)), float)
    near = [(a, b) for a in SHIPPED for b in SHIPPED if a < b and np.abs(small[a] - small[b]).mean() < 20.0]
    assert near == []  # no two of them look alike


def test_a_scene_of_a_persons_own_has_the_picture_of_its_style(library: DeskLibrary) -> None:
    told = {scene["slug"]: scene for scene in library.document()["scenes"]}
    assert told["mine"]["still"] == "/desk/style/night-pond/preview.png"
    assert library.file("scene", "mine", "still.webp") is None


def test_a_picture_beside_a_persons_own_scene_is_its_picture(library: DeskLibrary, tmp_path: Path) -> None:
    (tmp_path / "scenes" / "stills").mkdir()
    shutil.copy(PACKAGE / "scenes" / "stills" / "web.webp", tmp_path / "scenes" / "stills" / "mine.webp")
    assert library.file("scene", "mine", "still.webp") == tmp_path / "scenes" / "stills" / "mine.webp"


def test_shaders_have_pictures_too(library: DeskLibrary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHOSPHENE_CACHE", str(tmp_path / "cache"))
    (tmp_path / "shaders").mkdir()
    (tmp_path / "shaders" / "My Own.fs").write_text('/*{"INPUTS": []}*/ void main() { gl_FragColor = vec4(1.0); }')

    def stills() -> dict[str, str | None]:
        return {style["slug"]: style["still"] for style in library.document()["styles"]}

    assert stills()["shader:skyline"] == "/desk/shader/skyline/still.webp"
    assert library.file("shader", "skyline", "still.webp") == PACKAGE / "shaders" / "stills" / "skyline.webp"
    assert stills()["shader:my-own"] is None
    place = still_place(load_shader("shader:my-own"))
    place.parent.mkdir(parents=True)
    shutil.copy(PACKAGE / "scenes" / "stills" / "web.webp", place)
    assert stills()["shader:my-own"] == "/desk/shader/my-own/still.webp"
    assert library.file("shader", "my-own", "still.webp") == place


@pytest.mark.parametrize(
    ("kind", "slug", "name"),
    [
        ("shader", "skyline", "skyline.fs"),
        ("shader", "../shaders/skyline", "still.webp"),
        ("shader", "no-such", "still.webp"),
        ("scene", "pond", "pond.toml"),
        ("scene", "pond", "../pond.toml"),
        ("scene", "../scenes/pond", "still.webp"),
        ("scene", "..", "still.webp"),
        ("style", "manta", "still.webp"),
        ("style", "manta", "style.toml"),
        ("midi", "akai-midimix", "still.webp"),
        ("scene", "no-such", "still.webp"),
        ("style", "no-such", "preview.png"),
    ],
)
def test_nothing_else_is_to_be_had(library: DeskLibrary, kind: str, slug: str, name: str) -> None:
    assert library.file(kind, slug, name) is None


def test_the_candidates_are_in_order_and_each_scene_has_one_that_was_chosen() -> None:
    times = moments()
    assert times == sorted(times)
    assert set(CHOSEN) == set(SHIPPED)
    assert all(0 <= number < len(times) for number in CHOSEN.values())


def test_pages_that_ask_for_inputs_again_and_again_start_one_look_a_second(
    library: DeskLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[int] = []
    monkeypatch.setattr("phosphene.engine.desk.library.input_names", lambda: looks.append(1) or ["demo"])
    now = [100.0]
    monkeypatch.setattr("phosphene.engine.desk.library.clock", SimpleNamespace(now=lambda: now[0]))
    assert [library.inputs() for _ in range(50)] == [["demo"]] * 50
    assert library.document()["inputs"] == ["demo"]
    assert len(looks) == 1
    now[0] += 1.1
    library.inputs()
    assert len(looks) == 2, "what was plugged in since is found"


def test_pictures_and_clips_have_stills_by_a_name_that_opens_nothing_else(
    library: DeskLibrary, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    media = tmp_path / "pictures"
    (media / "trip").mkdir(parents=True)
    monkeypatch.setenv("PHOSPHENE_MEDIA", str(media))
    Image.new("RGB", (64, 36), (200, 30, 30)).save(media / "trip" / "lake, dusk.png")
    card = next(style for style in library.document()["styles"] if style["slug"] == "image:trip/lake, dusk.png")
    _, _, kind, name, file = card["still"].split("/")
    assert (kind, file) == ("media", "still.webp")
    give_up = clock.now() + 60.0
    while (found := library.file(kind, name, file)) is None:
        assert clock.now() < give_up
        clock.sleep(0.05)
    with Image.open(found) as picture:
        assert picture.size == (320, 180)
    Image.new("RGB", (8, 8)).save(tmp_path / "secret.png")
    for slug in (f"image:{tmp_path / 'secret.png'}", "image:../secret.png", "style:manta", "camera:0", "image:"):
        part = base64.urlsafe_b64encode(slug.encode()).decode().rstrip("=")
        for _ in range(2):
            assert library.file("media", part, "still.webp") is None, slug
            clock.sleep(0.1)
    assert library.file("media", "%%%", "still.webp") is None
    assert library._stills._waiting == {}
