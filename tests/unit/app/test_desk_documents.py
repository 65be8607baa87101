"""What pages read is made on the render thread: one document that fails costs itself, and no frame."""

from __future__ import annotations

from types import SimpleNamespace

from phosphene.engine.app.desk import DeskDocuments
from phosphene.engine.core.frame import Frame


def test_a_document_that_fails_is_said_once_and_the_others_go_on() -> None:
    said: list[str] = []
    told: dict[str, object] = {}
    desk = SimpleNamespace(documents_wanted={"moved", "numbers"}, document=lambda name, value: told.update({name: value}))
    stage = SimpleNamespace(
        document=SimpleNamespace(catalogue=SimpleNamespace(scenes=())), say=said.append, aside_s=0.0,
        moved={"/master": ("osc", 1e9)},
    )  # fmt: skip
    documents = DeskDocuments(stage, SimpleNamespace(), SimpleNamespace(), desk)
    for index in range(100):
        documents.accept(None, Frame(index, index / 24, index / 24 + 10.0, 1 / 24, 24.0), 0.0)
    assert told == {"moved": {"/master": "osc"}}
    assert len(said) == 1, said
    assert said[0].startswith("pages get no more numbers: AttributeError")
