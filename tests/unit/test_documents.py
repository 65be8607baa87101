"""What the documents say is so: links lead somewhere, tables equal the code's, the example scene passes the checks."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from engine.control.keys import bindings_markdown
from engine.core.signals import SIGNALS
from engine.effects.registry import EFFECTS
from engine.generators.cppn import CPPN_PARAMS
from engine.show.catalogue import Catalogue
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


def test_the_keys_are_those_of_the_program():
    assert part("keys") == bindings_markdown()


def test_the_example_scene_passes_every_check(tmp_path):
    scene = tmp_path / "mine.toml"
    scene.write_text(re.search(r"```toml\n(.*?)```", part("scene"), re.DOTALL)[1], encoding="utf-8")
    styles = tuple(path.parent.name for path in (ROOT / "styles").glob("*/style.toml"))
    effects = {name: effect.params for name, effect in EFFECTS.items()}
    assert lint_scene(scene, Catalogue(styles=styles, effects=effects, deck_params=CPPN_PARAMS)) == []


def test_the_signals_are_those_of_the_program():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    listed = re.search(r"Signals: (.*?)\. `vj scenes lint`", text, re.DOTALL)[1].replace("` to `fader8", "")
    assert re.findall(r"`(\w+)`", listed) == [name for name in SIGNALS if name not in {f"fader{i}" for i in range(2, 9)}]
