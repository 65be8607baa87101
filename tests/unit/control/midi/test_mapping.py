"""Mapping files: what is read, what is refused and how it is told, which file a device has, what was learnt over it."""

from __future__ import annotations

from pathlib import Path

import pytest

from phosphene.engine.control.midi.files import find_mapping, learnt_path, save_learnt, state_of_files, with_learnt, without
from phosphene.engine.control.midi.mapping import Control, ControlEntry, checked, load_mapping, parse_key
from phosphene.engine.control.midi.messages import Key
from phosphene.engine.control.table import build_table
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.params import Param
from phosphene.engine.core.paths import PACKAGE
from phosphene.engine.library.catalogue import show_catalogue

TABLE = build_table({"bloom": (Param("amount", "Amount", 0.0, 1.0, 0.0),)}, (Param("zoom", "Zoom", 0.25, 4.0, 1.0),))
HEAD = 'version = 1\ndevice = "Box"\n'


def control(**keys: object) -> Control:
    return checked(ControlEntry.model_validate({"input": "cc 1 16", "address": "/master", **keys}), TABLE, "test")


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("cc 1 16", Key("cc", 1, 16)),
        ("cc14 16 31", Key("cc14", 16, 31)),
        ("nrpn 1 16383", Key("nrpn", 1, 16383)),
        ("note 10 36", Key("note", 10, 36)),
        ("bend 1", Key("bend", 1)),
        ("program 2", Key("program", 2)),
    ],
)
def test_an_input_is_a_kind_a_channel_and_a_number(text: str, key: Key) -> None:
    assert parse_key(text, "") == key
    assert str(key) == text


@pytest.mark.parametrize(
    "text",
    ["", "cc", "cc 1", "cc 0 1", "cc 17 1", "cc 1 128", "cc14 1 32", "bend 1 2", "knob 1 2", "cc 1 -1", "cc 1 ²", "cc1 2"],
)
def test_what_is_no_input_is_refused(text: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_key(text, "file, control[1].input")
    assert caught.value.where == "file, control[1].input"
    assert caught.value.allowed
    assert caught.value.remedy


def test_a_range_is_of_the_address_and_may_be_turned() -> None:
    knob = control(address="/deck/a/zoom")
    assert (knob.value(0.0), knob.value(1.0), knob.unit(4.0)) == (0.25, 4.0, 1.0)
    knob = control(address="/deck/a/zoom", range=[1.0, 2.0], invert=True)
    assert (knob.value(0.0), knob.value(1.0), knob.unit(1.25), knob.unit(9.0)) == (2.0, 1.0, 0.75, 0.0)
    assert control(address="/scene/number").value(0.5) == 50.0


@pytest.mark.parametrize(
    ("keys", "what"),
    [
        ({"address": "/nope"}, "unknown address"),
        ({"address": "/listen"}, "unknown address"),
        ({"address": "/state/fps"}, "unknown address"),
        ({"address": "/tempo/tap"}, "nothing to move"),
        ({"address": "/scene"}, "arguments"),
        ({"address": "/scene", "arguments": ["../x"], "button": "press"}, "a path"),
        ({"address": "/scene", "arguments": ["x"]}, "nothing to move"),
        ({"range": [0.0, 2.0]}, "out of range"),
        ({"range": [0.5, 0.5]}, "without a width"),
        ({"mode": "relative-2c", "button": "press"}, "no button"),
        ({"light": "nrpn 1 2"}, "no light"),
        ({"light": "cc 1 200"}, "no such number"),
        ({"input": "cc 99 1"}, "no such MIDI channel"),
    ],
)
def test_a_control_that_cannot_be_is_refused(keys: dict, what: str) -> None:
    with pytest.raises(UserError, match=what) as caught:
        control(**keys)
    assert caught.value.where.startswith("test.")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PHOSPHENE_MIDI", str(tmp_path))
    return tmp_path


def written(folder: Path, text: str, name: str = "box.toml") -> Path:
    path = folder / name
    path.write_text(HEAD + text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[[control]]\ninput = 'cc 1 1'\nadress = '/master'\n", "unknown key ({}, control[1].adress)"),
        ("[[control]]\ninput = 'cc 1 1'\n", "key is missing ({}, control[1].address)"),
        ("[[control]]\ninput = 'cc 1 1'\naddress = '/master'\nmode = 'pick'\n", "did you mean 'pickup'?"),
        ("[[control]]\ninput = 'cc 1 1'\naddress = '/mastre'\n", "did you mean '/master'?"),
        ("[[control]]\ninput = 'cc 1 1'\naddress = '/master'\non = 128\n", "allowed: at most 127, got: 128"),
        ("unit = 0\n", "allowed: at least 1, got: 0"),
        ("[[control]\n", "not valid TOML"),
        ("[[control]]\ninput='cc 1 1'\naddress='/master'\n" * 2, "the input of control[1] again ({}, control[2].input)"),
    ],
)
def test_a_fault_of_a_file_says_where_and_what_to_do(folder: Path, text: str, line: str) -> None:
    path = written(folder, text)
    with pytest.raises(UserError) as caught:
        load_mapping(path, TABLE)
    assert line.format(path) in caught.value.line()


@pytest.mark.parametrize("version", ["", "version = 2\n", "version = '1'\n"])
def test_another_version_is_refused(folder: Path, version: str) -> None:
    path = folder / "a.toml"
    path.write_text(version + 'device = "x"\n', encoding="utf-8")
    with pytest.raises(UserError, match="version"):
        load_mapping(path, TABLE)


KNOB = "[[control]]\ninput = 'cc 1 1'\naddress = '/master'\n"


def test_the_file_whose_name_says_most_is_taken(folder: Path) -> None:
    written(folder, KNOB)
    longer = written(folder, KNOB.replace("cc 1 1", "cc 1 2"), "longer.toml")
    longer.write_text(longer.read_text("utf-8").replace('"Box"', '"BOX mk2"'), encoding="utf-8")
    assert set(find_mapping("My Box", 1, TABLE).controls) == {Key("cc", 1, 1)}
    assert set(find_mapping("Box mk2 MIDI 1", 1, TABLE).controls) == {Key("cc", 1, 2)}
    assert find_mapping("Other", 1, TABLE).controls == {}
    assert find_mapping("My Box", 2, TABLE).controls == {}, "a second one of it has its own file"


def test_a_persons_file_goes_before_ours_and_a_broken_one_leaves_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PHOSPHENE_HOME", str(tmp_path))
    monkeypatch.delenv("PHOSPHENE_MIDI", raising=False)
    table = full_table()
    ours = find_mapping("MIDI Mix MIDI 1", 1, table)
    assert ours.path == PACKAGE / "midi/midimix.toml"
    (tmp_path / "midi").mkdir()
    own = tmp_path / "midi/mine.toml"
    own.write_text('version = 1\ndevice = "MIDI Mix"\n' + KNOB, encoding="utf-8")
    assert find_mapping("MIDI Mix MIDI 1", 1, table).path == own
    own.write_text('version = 1\ndevice = "MIDI Mix"\n[[', encoding="utf-8")
    broken = find_mapping("MIDI Mix MIDI 1", 1, table)
    assert broken.controls == ours.controls
    assert "not valid TOML" in broken.faults[0].line()


def test_what_was_learnt_is_kept_over_the_file(folder: Path) -> None:
    written(folder, KNOB + "[[control]]\ninput = 'cc 1 2'\naddress = '/crossfade'\n")
    before = state_of_files()
    found = find_mapping("My Box", 1, TABLE)
    found = with_learnt(found, ControlEntry(input="cc 1 1", address="/deck/a/zoom"), TABLE)
    found = with_learnt(found, ControlEntry(input="note 1 5", address="/scene", arguments=("lagoon",)), TABLE)
    path = save_learnt("My Box", 1, found)
    assert path == learnt_path("My Box", 1) == folder / "learnt/my-box.toml"
    assert state_of_files() != before
    again = find_mapping("My Box", 1, TABLE)
    assert again.controls == found.controls
    assert {str(key): c.address for key, c in again.controls.items()} == {
        "cc 1 1": "/deck/a/zoom",
        "cc 1 2": "/crossfade",
        "note 1 5": "/scene",
    }
    assert find_mapping("My Other Box", 1, TABLE).learnt == ()


def test_an_address_that_is_learnt_again_leaves_its_old_control(folder: Path) -> None:
    found = find_mapping("My Box", 1, TABLE)
    for number in (1, 2):
        found = with_learnt(found, ControlEntry(input=f"cc 1 {number}", address="/master"), TABLE)
    assert list(found.controls) == [Key("cc", 1, 2)]


def test_what_is_forgotten_stays_so_and_can_be_learnt_again(folder: Path) -> None:
    written(folder, KNOB)
    found = without(find_mapping("My Box", 1, TABLE), "/master", TABLE)
    assert found.controls == {}
    save_learnt("My Box", 1, found)
    assert find_mapping("My Box", 1, TABLE).controls == {}
    found = with_learnt(found, ControlEntry(input="cc 1 7", address="/master"), TABLE)
    save_learnt("My Box", 1, found)
    assert list(find_mapping("My Box", 1, TABLE).controls) == [Key("cc", 1, 7)]


def test_a_full_disk_is_said(folder: Path) -> None:
    (folder / "learnt").write_text("a file where a folder should be", encoding="utf-8")
    found = with_learnt(find_mapping("My Box", 1, TABLE), ControlEntry(input="cc 1 1", address="/master"), TABLE)
    with pytest.raises(UserError, match="could not be saved"):
        save_learnt("My Box", 1, found)


def full_table():
    catalogue = show_catalogue()
    return build_table(catalogue.effects, catalogue.deck_params)


SHIPPED = {
    "midimix": ("MIDI Mix MIDI 1", 24 + 9 + 16 + 3),
    "twister": ("Midi Fighter Twister MIDI 1", 32),
    "nanokontrol2": ("nanoKONTROL2 MIDI 1", 51),
}


@pytest.mark.parametrize("name", SHIPPED)
def test_those_that_ship_pass_every_check_and_are_found(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PHOSPHENE_HOME", str(tmp_path))
    device, number = SHIPPED[name]
    found = find_mapping(device, 1, full_table())
    assert found.path == PACKAGE / f"midi/{name}.toml"
    assert found.faults == ()
    assert len(found.controls) == number


def test_there_are_no_others() -> None:
    assert {path.stem for path in (PACKAGE / "midi").glob("*.toml")} == set(SHIPPED)
