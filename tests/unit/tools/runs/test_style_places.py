"""Where styles of trainings go: a folder that is free, an own one of the run that goes on, and never somebody's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from phosphene.engine.core.errors import UserError
from phosphene.engine.library.growing import write_grown
from phosphene.engine.models.cppn import CppnSpec
from phosphene.engine.models.growth import draw_recipe
from phosphene.engine.models.style import load_style
from phosphene.tools.cppn import library
from phosphene.tools.cppn.options import Options
from phosphene.tools.runs.places import check_own

OPTIONS = {"seed": 3, "minutes": 10.0, "widths": (8, 8)}


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def check(folder: Path) -> None:
    check_own(folder, OPTIONS, ("minutes",), "choose another --out")


def test_a_run_goes_on_into_its_own_style_or_a_free_folder(tmp_path: Path) -> None:
    out = tmp_path / "s"
    check(out)
    out.mkdir()
    check(out)
    for name in ("weights.safetensors", "style.toml", ".style.toml.k3j2"):  # it was stopped while it wrote
        (out / name).write_text("")
        check(out)
    (out / "history.json").write_text(json.dumps({"options": {"seed": 3, "minutes": 2.0, "widths": [8, 8], "older": 1}}))
    (out / "notes.txt").write_text("a person's own, beside it")
    check(out)


@pytest.mark.parametrize(
    "told", [{"options": {"seed": 4}}, {"options": {}}, {"options": {"other": 3}}, {"options": []}, {}, [], "[" * 10_000]
)
def test_the_style_of_another_run_is_refused(tmp_path: Path, told: object) -> None:
    (tmp_path / "style.toml").write_text("")
    (tmp_path / "history.json").write_text(told if isinstance(told, str) else json.dumps(told))
    with pytest.raises(UserError, match=r"another run|something else|style exists"):
        check(tmp_path)


def test_somebodys_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "preview.png").write_bytes(b"holiday")
    with pytest.raises(UserError, match="something else"):
        check(tmp_path)


def grow(folder: Path, seed: int) -> Path:
    write_grown(folder, CppnSpec(width=16, layers=3), draw_recipe(seed), seed, "Grown")
    return folder


def test_the_library_replaces_styles_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHOSPHENE_STYLES", str(tmp_path / "styles"))
    photos = tmp_path / "styles" / "photos"
    photos.mkdir(parents=True)
    (photos / "a.png").write_bytes(b"mine")
    run = Options(output="photos", prompt="x")
    for replace in (False, True):
        for given in (None, run):
            with pytest.raises(UserError, match="something else"):
                library.check_free("photos", replace, given)
    grow(tmp_path / "styles" / "taken", 1)
    with pytest.raises(UserError, match="--replace"):
        library.check_free("taken", False)
    library.check_free("taken", True)
    library.check_free("free", False)


def test_a_replaced_style_that_holds_somebodys_files_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHOSPHENE_STYLES", str(tmp_path / "styles"))
    fresh = grow(tmp_path / "fresh", 2)
    old = grow(tmp_path / "styles" / "plain", 1)
    library.install(fresh, "plain", {})
    assert [path.name for path in (tmp_path / "styles").iterdir()] == ["plain"]
    (old / "notes.txt").write_text("mine")
    before = files(old)
    library.install(fresh, "plain", {"guide": 1.0})
    assert files(tmp_path / "styles" / "plain-1") == before
    assert load_style("plain").meta.scores == {"guide": 1.0}
