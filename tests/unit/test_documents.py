"""What the documents say is so: links lead somewhere, tables equal the code's, the example scene passes the checks."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.main import get_command

from engine.app.catalogue import show_catalogue
from engine.app.cli import app
from engine.control.keys import bindings_markdown
from engine.control.reference import markdown
from engine.control.table import build_table
from engine.core.signals import SIGNALS
from engine.show.scene import lint_scene

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


def part(name: str) -> str:
    """Return what stands between `<!-- name -->` and `<!-- /name -->` in the README."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return text.split(f"<!-- {name} -->\n")[1].split(f"<!-- /{name} -->")[0]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(path):
    links = re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", path.read_text(encoding="utf-8"))
    dead = [link for link in links if "://" not in link and not (path.parent / link).exists()]
    assert dead == []


def test_the_suites_named_in_the_architecture_exist():
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    there = {path.name for path in (ROOT / "tests").rglob("test_*.py")}
    assert set(re.findall(r"`(?:[\w/]+/)?(test_\w+\.py)`", text)) <= there


def test_the_keys_are_those_of_the_program():
    assert part("keys") == bindings_markdown()


def test_the_options_are_those_of_vj_live():
    command = get_command(app).commands["live"]
    assert set(re.findall(r"`(--[a-z-]+)", part("options"))) == {name for p in command.params for name in p.opts} - {
        "--help"
    }


def test_the_osc_reference_is_that_of_the_table():
    catalogue = show_catalogue()
    made = markdown(build_table(catalogue.effects, catalogue.deck_params))
    assert (ROOT / "docs/osc.md").read_text(encoding="utf-8") == made, "write it again: vj osc --markdown > docs/osc.md"


def test_the_example_scene_passes_every_check(tmp_path):
    scene = tmp_path / "mine.toml"
    scene.write_text(re.search(r"```toml\n(.*?)```", part("scene"), re.DOTALL)[1], encoding="utf-8")
    assert lint_scene(scene, show_catalogue()) == []


def test_the_signals_are_those_of_the_program():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    listed = re.search(r"Signals: (.*?)\. `vj scenes lint`", text, re.DOTALL)[1].replace("` to `fader8", "")
    assert re.findall(r"`(\w+)`", listed) == [name for name in SIGNALS if name not in {f"fader{i}" for i in range(2, 9)}]
