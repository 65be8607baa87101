"""What the documents say is so: links lead somewhere, tables equal the code's, the example scene passes the checks, and the
program takes every command in them."""

from __future__ import annotations

import contextlib
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from phosphene.engine.cli import main as cli
from phosphene.engine.control.keys import bindings_markdown
from phosphene.engine.control.midi.mapping import check_mapping
from phosphene.engine.control.reference import markdown
from phosphene.engine.control.table import build_table
from phosphene.engine.core.signals import SIGNALS
from phosphene.engine.library.catalogue import show_catalogue
from phosphene.engine.show.scene import lint_scene
from phosphene.tools import bench, command_line

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
FOR_PEOPLE = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
    ROOT / "docs/examples/README.md",
]  # decisions quote what was run at their time
PARTS = {
    "options": "docs/playing.md",
    "keys": "docs/playing.md",
    "scene": "docs/scenes.md",
    "mapping": "docs/midi.md",
    "numbers": "docs/numbers.md",
    "gpu": "docs/numbers.md",
}
MOST_WORDS = 700  # of the README
STARTERS = {"setup/run.sh": "live", "setup/train.sh": "train"}  # they hand their arguments on


def part(name: str) -> str:
    """Return what stands between `<!-- name -->` and `<!-- /name -->` on the page that holds it."""
    text = (ROOT / PARTS[name]).read_text(encoding="utf-8")
    return text.split(f"<!-- {name} -->\n")[1].split(f"<!-- /{name} -->")[0]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(path):
    links = re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", path.read_text(encoding="utf-8"))
    dead = [link for link in links if "://" not in link and not (path.parent / link).exists()]
    assert dead == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_to_headings_lead_to_one(path):
    links = re.findall(r"\]\(([^)#:]*)#([^)]+)\)", path.read_text(encoding="utf-8"))
    dead = [f"{page}#{name}" for page, name in links if name not in anchors(path.parent / page if page else path)]
    assert dead == []


def anchors(page: Path) -> set[str]:
    """Return the names by which the headings of a page are linked to, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_suites_named_in_the_architecture_exist():
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    there = {path.name for path in (ROOT / "tests").rglob("test_*.py")}
    assert set(re.findall(r"`(?:[\w/]+/)?(test_\w+\.py)`", text)) <= there


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").split()) <= MOST_WORDS


def test_the_index_names_every_page():
    text = (ROOT / "docs/README.md").read_text(encoding="utf-8")
    assert {page.name for page in (ROOT / "docs").glob("*.md")} - {"README.md"} <= set(
        re.findall(r"\]\((\w[\w.-]*)\)", text)
    )


@pytest.mark.parametrize("name", PARTS)
def test_a_checked_part_stands_on_one_page(name):
    pages = [page for page in FOR_PEOPLE if f"<!-- {name} -->" in page.read_text(encoding="utf-8")]
    assert pages == [ROOT / PARTS[name]]
    assert part(name).strip()


def test_the_keys_are_those_of_the_program():
    assert part("keys") == bindings_markdown()


def test_the_options_are_those_of_vj_live():
    params = loaded("live").params
    assert set(re.findall(r"^\| `(--[a-z-]+)", part("options"), re.MULTILINE)) == {o for p in params for o in p.opts} - {
        "--help"
    }


def test_the_osc_reference_is_that_of_the_table():
    catalogue = show_catalogue()
    made = markdown(build_table(catalogue.effects, catalogue.deck_params, catalogue.transitions))
    assert (ROOT / "docs/osc.md").read_text(encoding="utf-8") == made, "write it again: vj osc --markdown > docs/osc.md"


def test_the_example_scene_passes_every_check(tmp_path):
    scene = tmp_path / "mine.toml"
    scene.write_text(re.search(r"```toml\n(.*?)```", part("scene"), re.DOTALL)[1], encoding="utf-8")
    assert lint_scene(scene, show_catalogue()) == []


def test_the_example_mapping_passes_every_check(tmp_path):
    mapping = tmp_path / "mine.toml"
    mapping.write_text(re.search(r"```toml\n(.*?)```", part("mapping"), re.DOTALL)[1], encoding="utf-8")
    catalogue = show_catalogue()
    assert check_mapping(mapping, build_table(catalogue.effects, catalogue.deck_params, catalogue.transitions))[2] == []


def test_the_signals_are_those_of_the_program():
    text = (ROOT / PARTS["scene"]).read_text(encoding="utf-8")
    listed = re.search(r"^Signals: (.*?)\.$", text, re.DOTALL | re.MULTILINE)[1].replace("` to `fader8", "")
    assert re.findall(r"`(\w+)`", listed) == [name for name in SIGNALS if name not in {f"fader{i}" for i in range(2, 9)}]


# Commands


def loaded(name: str) -> Any:
    return cli._loaded(name, cli._COMMANDS[name])


def code_lines(text: str) -> Iterator[str]:
    """Yield the lines of fenced and of indented blocks, those that end in a backslash joined with the next."""
    fenced, begun = False, ""
    for line in text.splitlines():
        if line.startswith("```"):
            fenced = not fenced
        elif fenced or line.startswith("    "):
            begun += line.strip()
            if begun.endswith("\\"):
                begun = begun[:-1]
            else:
                yield begun
                begun = ""


def commands(text: str) -> Iterator[list[str]]:
    """Yield the arguments of every `vj` in the blocks of a page, however it is started."""
    for line in code_lines(text):
        words = shlex.split(line.replace("setup\\run.bat", "setup/run.sh"), comments=True)
        words = words[: min((words.index(end) for end in (">", "|", "&&") if end in words), default=len(words))]
        for i, word in enumerate(words):
            if re.fullmatch(r"(.*/)?vj", word) and (i == 0 or words[0] == "uv" or "=" in words[0]):
                yield words[i + 1 :]
            elif word in STARTERS and i <= 1:
                yield [STARTERS[word], *words[i + 1 :]]


COMMANDS = sorted({shlex.join(each) for page in FOR_PEOPLE for each in commands(page.read_text(encoding="utf-8"))})


class Parsed(BaseException):
    """Raised in place of what a program does once its arguments are read. No Exception: nothing on the way takes it."""


@pytest.fixture
def parse_only(monkeypatch):
    """Let programs that read their own arguments end there."""
    invoke = command_line.invoke

    def only(*given):
        invoke(*given)
        raise Parsed

    monkeypatch.setattr(command_line, "invoke", only)


def parse(arguments: list[str]) -> None:
    """Read the arguments of `vj` as the program does, and do no more. Raises what it raises for wrong ones."""
    name, *rest = arguments
    if name == "bench":
        names = cli._command_of(bench.main).make_context(name, bench._arguments(rest)).params["names"]
        assert set(names or ()) <= set(bench._benchmarks(0.0, None))
        return
    command = loaded(name)
    if cli._COMMANDS[name].parses:
        with pytest.raises(Parsed):
            command.main(rest, standalone_mode=False)
        return
    while hasattr(command, "commands") and (rest or not command.invoke_without_command):
        name, *rest = rest
        command = command.commands[name]
    command.make_context(name, rest)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_program_takes_a_command_of_the_documents(command, parse_only):
    parse(shlex.split(command))


@pytest.mark.parametrize("path", FOR_PEOPLE, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_the_program_takes_what_the_text_says_in_passing(path, parse_only):
    text = re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for command in re.findall(r"`vj ([^`-][^`]*)`", text):
        words = shlex.split(command)
        assert words[0] in cli._COMMANDS, command
        if any(word.startswith("-") and word != "--help" for word in words):
            with contextlib.suppress(typer.BadParameter):  # an argument may be missing; an unknown option is another error
                parse(words)


@pytest.mark.parametrize(
    "command",
    [
        *("live --made-up", "live --fps", "scenes made-up", "styles suggest", "album a.toml --made-up", "made-up"),
        *("train --made-up", "train gan --data d --out g --made-up 3", "train vqvae --made-up", "export manta --made-up"),
        *("bench --made-up", "bench made-up"),
    ],
)
def test_a_command_that_the_program_does_not_know_is_found(command, parse_only):
    with pytest.raises((Exception, SystemExit)):
        parse(shlex.split(command))


@pytest.mark.parametrize("path", FOR_PEOPLE, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_the_files_that_the_documents_name_exist(path):
    text = path.read_text(encoding="utf-8").replace("\\", "/")
    named = re.findall(r"\b(?:tools|setup|sketches)/[\w./-]*\.(?:py|sh|bat|ps1|command|toml|yaml|txt)\b", text)
    assert [name for name in named if not (ROOT / name).is_file()] == []
