"""What is told of the show's mappings, and that it is told anew where they changed, and only there."""

from __future__ import annotations

from types import SimpleNamespace

from phosphene.engine.app.documents import acts_document, is_unchanged, mappings_document, mappings_held
from phosphene.engine.control.table import build_table
from phosphene.engine.core.signals import BeatPosition
from phosphene.engine.library.catalogue import show_catalogue
from phosphene.engine.show.document import Document
from phosphene.engine.show.remap import NO_SIGNAL

CATALOGUE = show_catalogue()
TABLE = build_table(CATALOGUE.effects, CATALOGUE.deck_params)


def sent(stage: SimpleNamespace, path: str, *args: float | str) -> None:
    change = TABLE.parse(path, args)
    assert change is not None
    stage.state, _ = stage.document.apply(stage.state, [change], BeatPosition())


def empty() -> SimpleNamespace:
    document = Document(CATALOGUE)
    return SimpleNamespace(document=document, state=document.empty())


def test_what_is_told_goes_back_in_as_it_is() -> None:
    stage, other = empty(), empty()
    given = {
        "signal": "kick",
        "curve": "pow2",
        "attack": 0.0,
        "release": 0.3,
        "low": 0.1,
        "high": 0.5,
        "times": "",
        "acts": 0,
    }
    for deck in ("a", "b"):
        for to in ("zoom", "fx/bloom/amount", "master", "crossfade"):
            sent(stage, f"/deck/{deck}/map", "kick", to, "pow2", 0.0, 0.3, 0.1, 0.5)
        sent(stage, f"/deck/{deck}/map", "kick", "zoom", "pow2", 0.0, 0.3, 0.1, 0.5, "bass")
    told = mappings_document(stage)
    assert told["a"] == told["b"]
    assert told["a"][0] == {**given, "to": "zoom"}
    assert told["a"][4] == {**given, "to": "zoom", "times": "bass"}
    for deck, mappings in told.items():
        for m in mappings:
            sent(other, f"/deck/{deck}/map", *(value if value != "" else NO_SIGNAL for value in m.values()))
    assert mappings_document(other) == told
    assert other.state.a.mappings == stage.state.a.mappings


def test_it_is_known_where_it_changed() -> None:
    stage = empty()
    before = mappings_held(stage)
    for path, *args in (("/deck/a/zoom", 2.0), ("/deck/b/fx/bloom/amount", 0.5), ("/master", 0.5), ("/crossfade", 1.0)):
        sent(stage, path, *args)
        assert is_unchanged(before, mappings_held(stage))
    sent(stage, "/deck/b/map", "kick", "zoom", "linear", 0.0, 0.0, 0.0, 1.0)
    assert not is_unchanged(before, mappings_held(stage))


def test_acts_are_told_as_they_are_set() -> None:
    stage = empty()
    sent(stage, "/deck/a/zoom", 1.5)
    sent(stage, "/deck/a/add_act", "other")
    sent(stage, "/deck/a/set_act", "zoom", 2.0, "other")
    sent(stage, "/deck/a/set_act", "fx/bloom/amount", 0.5, "other")
    sent(stage, "/deck/a/act_on", "drop break", "other")
    sent(stage, "/deck/a/act_style", "manta", "other")
    told = acts_document(stage)
    assert told["b"] == []
    assert [act["name"] for act in told["a"]] == ["start", "other"]
    assert told["a"][1] == {
        "name": "other", "bars": 8, "on": "drop break", "beats": 4.0, "style": "manta", "ready": False,
        "values": {"zoom": 2.0, "fx/bloom/amount": 0.5},
    }  # fmt: skip
    sent(stage, "/deck/a/zoom", 2.5)
    assert acts_document(stage)["a"][1]["values"]["zoom"] == 3.0, "an act adds to the base that a hand moves"
    sent(stage, "/deck/a/act_on", acts_document(stage)["a"][1]["on"], "1")
    assert stage.state.a.direction.acts[0].on == ("drop", "break")
