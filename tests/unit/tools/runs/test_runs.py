"""What all runs share: the loop and its checkpoints, the way back from bad steps, files that a full disk costs, options."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from phosphene.engine.core import clock
from phosphene.engine.core.errors import RateLimitedLog, UserError
from phosphene.tools.runs import files
from phosphene.tools.runs.device import device_of
from phosphene.tools.runs.loop import take_steps
from phosphene.tools.runs.options import check_new, check_resumed, check_unchanged, from_table, given_options
from phosphene.tools.runs.page import page, samples
from phosphene.tools.runs.recovery import PATIENCE, Recovery


class Steps:
    """Steps that each take a second of a clock of their own."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, fails_at: int = 0) -> None:
        self.step, self.fails_at, self.told, self.saved = 0, fails_at, [], []
        monkeypatch.setattr(clock, "now", lambda: float(self.step))

    def advance(self) -> int:
        self.step += 1
        if self.step == self.fails_at:
            raise FloatingPointError("no good")
        return self.step

    def run(self, until: int, every: float, **more: bool) -> str:
        save = lambda: self.saved.append(self.step)  # noqa: E731
        return take_steps(self.advance, lambda: self.step >= until, self.told.append, save, every, **more)


def test_the_loop_tells_each_step_and_saves_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = Steps(monkeypatch)
    assert steps.run(10, 3.0) == ""
    assert steps.told == list(range(1, 11))
    assert steps.saved == [4, 8]
    assert steps.run(10, 3.0) == "", "what is over takes no step"
    assert steps.told[-1] == 10


def test_the_loop_may_save_after_the_first_step_and_ends_at_one_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = Steps(monkeypatch, fails_at=3)
    assert steps.run(10, 100.0, at_once=True) == "no good"
    assert (steps.told, steps.saved) == ([1, 2], [1])


def test_a_bad_step_goes_back_at_half_the_rate_and_the_sixth_in_a_row_gives_up() -> None:
    network = torch.nn.Linear(2, 1)
    recovery = Recovery(network, torch.optim.Adam(network.parameters()))
    good = network.weight.detach().clone()
    rate = 1.0
    for k in range(1, PATIENCE):
        with torch.no_grad():
            network.weight.fill_(float("nan"))
        rate, said = recovery.step_back("the loss is not finite", k, rate)
        assert torch.equal(network.weight, good)
        assert said == f"step {k}: the loss is not finite; back to the last good weights, rate x {rate:g}"
    assert rate == 0.5 ** (PATIENCE - 1)
    with torch.no_grad():
        network.weight.fill_(float("nan"))
    with pytest.raises(FloatingPointError, match="not finite 6 times in a row, at last at step 6"):
        recovery.step_back("the loss is not finite", 6, rate)
    assert torch.equal(network.weight, good)


def test_only_bad_steps_in_a_row_are_counted_and_what_is_remembered_comes_back() -> None:
    network = torch.nn.Linear(2, 1)
    recovery = Recovery(network, torch.optim.Adam(network.parameters()))
    for k in range(2 * PATIENCE):
        recovery.step_back("bad", k, 1.0)
        recovery.bad = 0
    with torch.no_grad():
        network.weight.fill_(3.0)
    recovery.remember()
    with torch.no_grad():
        network.weight.fill_(4.0)
    recovery.go_back()
    assert (network.weight == 3.0).all()


def test_a_full_disk_is_said_and_the_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    # A log of its own: another test may just have said it.
    monkeypatch.setattr(files, "_disk", RateLimitedLog(logging.getLogger("runs"), 20.0))
    (tmp_path / "file").write_text("mine")
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            assert not files.write_or_warn(tmp_path / "file" / "x.json", b"1")
    assert caplog.text.count("is not written") == 1
    assert files.write_or_warn(tmp_path / "new" / "x.json", b"1")
    with pytest.raises(UserError, match="the run cannot be written"):
        files.write_options(tmp_path / "file", "{}")


def test_a_checkpoint_comes_back_and_what_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / files.CHECKPOINT
    path.write_bytes(files.packed({"step": 3, "weights": torch.ones(2)}))
    assert files.read_checkpoint(path, ("step",))["step"] == 3
    with pytest.raises(UserError, match="another program"):
        files.read_checkpoint(path, ("step", "trainer"))
    path.write_bytes(files.packed([1, 2]))
    with pytest.raises(UserError, match="damaged"):
        files.read_checkpoint(path)
    path.write_bytes(b"junk")
    with pytest.raises(UserError) as error:
        files.read_checkpoint(path, remedy="delete it")
    assert error.value.remedy == "delete it"


def test_what_is_no_table_and_no_record_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("[1]")
    assert files.table_in(tmp_path / "a.json") == files.table_in(tmp_path / "none.json") == {}
    assert files.records_of([{"a": 1}, 3, None]) == [{"a": 1}]
    assert files.records_of("x") == []
    assert files.png(np.zeros((2, 3, 3), np.uint8))[:4] == b"\x89PNG"
    assert files.reason(ValueError("one\ntwo")) == "one"
    assert files.reason(KeyError()) == "KeyError"


@dataclass(frozen=True)
class Told:
    """Options of every kind."""

    output: str
    steps: int = 3
    rate: float = 0.5
    words: tuple[str, ...] = ()
    sizes: tuple[int, ...] = (1,)
    mend: bool = True
    recipe: str = "full"


def test_a_table_becomes_options_each_of_its_type() -> None:
    table = {"output": "a", "rate": 1, "words": ["x"], "sizes": [4, 5], "mend": False, "recipe": "ours"}
    assert from_table(Told, table, "file") == Told("a", 3, 1, ("x",), (4, 5), False, "full")


@pytest.mark.parametrize(
    "wrong",
    [
        {"step": 1},
        {"steps": 1.5},
        {"steps": True},
        {"rate": "x"},
        {"words": [1]},
        {"sizes": ["4"]},
        {"sizes": 4},
        {"mend": 1},
    ],
)
def test_a_wrong_key_or_type_is_named(wrong: dict[str, object]) -> None:
    with pytest.raises(UserError, match=f"file, key {next(iter(wrong))}"):
        from_table(Told, {"output": "a"} | wrong, "file")


def test_a_run_begins_in_a_free_folder_and_goes_on_as_it_began(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    check_new(folder, "--name")
    with pytest.raises(UserError, match="nothing to resume"):
        check_resumed(folder)
    files.write_options(folder, "{}")
    check_resumed(folder)
    with pytest.raises(UserError, match="the run exists"):
        check_new(folder, "--name")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "mine.txt").write_text("mine")
    with pytest.raises(UserError) as error:
        check_new(tmp_path / "other", "--out or --run")
    assert error.value.remedy == "choose another --run, or delete the folder"
    check_unchanged(folder, Told("a"), {"steps": 3})
    check_unchanged(folder, Told("a"), {"steps": 4}, ("steps",))
    with pytest.raises(UserError, match="a run goes on as it began"):
        check_unchanged(folder, Told("a"), {"steps": 4, "output": "a"})


def test_a_command_line_gives_what_was_named_in_todays_words() -> None:
    class Arguments:
        output, steps, words, recipe, rate = "a", None, ["x", "y"], "seed", 0.0

    assert given_options(Told, Arguments()) == {"output": "a", "words": ("x", "y"), "recipe": "plain", "rate": 0.0}


def test_a_device_that_is_not_there_is_named() -> None:
    assert device_of("cpu") == "cpu"
    with pytest.raises(UserError, match="no such device"):
        device_of("cuda:99")


def test_a_page_escapes_what_comes_from_outside(tmp_path: Path) -> None:
    text = page("<b>", "a & b", [samples([tmp_path / 'x"<.png'], tmp_path)])
    assert "<b>" not in text.split("<body>")[0]
    assert "a &amp; b" in text
    assert 'x"<.png' not in text
