"""What earlier versions wrote is read in the words of today; a plain recipe without the laboratory is one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("torch")

from phosphene.engine.core.errors import UserError
from phosphene.tools import train_gan, train_style, train_vqvae
from phosphene.tools.cppn import library, records
from phosphene.tools.cppn import trainer as cppn
from phosphene.tools.cppn.batch import Plan, read_moodboard
from phosphene.tools.cppn.options import Options
from phosphene.tools.gan import trainer as gan
from phosphene.tools.gan.options import options_from
from phosphene.tools.option_words import begun, of_today, recipe_of_today
from phosphene.tools.runs.options import given_options
from phosphene.tools.runs.places import check_own
from phosphene.tools.vqvae.options import Options as VqvaeOptions


@pytest.mark.parametrize(
    ("before", "today"), [("ours", "full"), ("seed", "plain"), ("seed004", "plain"), ("full", "full"), ("x", "x"), (3, 3)]
)
def test_recipes_of_earlier_versions_have_todays_names(before: object, today: object) -> None:
    assert recipe_of_today(before) == today
    assert of_today({"recipe": before, "seed": 4, "name": "ours"}) == {"recipe": today, "seed": 4, "name": "ours"}


def test_options_of_earlier_runs_are_read() -> None:
    assert Options.from_table({"output": "a", "prompt": "red", "recipe": "seed"}, "file").recipe == "plain"
    assert options_from({"recipe": "seed004", "images": 8}).recipe == "plain"
    assert options_from({"recipe": "ours", "images": 8}).recipe == "full"
    found = VqvaeOptions.from_table({"rescue": "seed", "mode": "parity"}, "file")
    assert (found.rescue, found.mode) == ("plain", "gray")


def test_command_lines_take_the_earlier_words() -> None:
    assert train_style.command_line(["--recipe", "seed"]).recipe == "plain"
    assert train_style.command_line(["--recipes", "ours", "plain"]).recipes == ["full", "plain"]
    assert train_gan.command_line(["--out", "x", "--recipe", "seed004"]).recipe == "plain"
    given = train_vqvae.command_line(["--mode", "parity", "--rescue", "ours"])
    assert given_options(VqvaeOptions, given) == {"mode": "gray", "rescue": "full"}
    with pytest.raises(SystemExit):
        train_gan.command_line(["--out", "x", "--recipe", "theirs"])


def test_a_moodboard_of_before_is_read(tmp_path: Path) -> None:
    board = tmp_path / "board.toml"
    board.write_text('version = 1\nrecipes = ["ours", "seed"]\n[defaults]\nrecipe = "ours"\n[[style]]\nprompt = "red"\n')
    plan = read_moodboard(board, "board")
    assert plan.recipes == ("full", "plain")
    assert plan.styles[0].recipe == "full"


def test_a_batch_that_an_earlier_version_began_goes_on_in_its_folders(tmp_path: Path) -> None:
    (tmp_path / "x-seed-w16-s0").mkdir()
    (tmp_path / "x-seed-w16-s0" / "options.json").write_text("{}")
    plan = Plan("x", (Options(output="x", prompt="red", hidden_dim=16),), seeds=2, recipes=("full", "plain"))
    assert [name for name, _ in plan.jobs(tmp_path)] == ["x-full-w16-s0", "x-seed-w16-s0", "x-full-w16-s1", "x-plain-w16-s1"]
    assert begun(tmp_path, "x-{}-w16-s0", "plain").name == "x-seed-w16-s0"


def test_a_style_of_an_earlier_version_is_its_runs_own(tmp_path: Path) -> None:
    run = Options(output="x", prompt="red")
    kept = json.loads(run.to_json()) | {"recipe": "ours"}
    (tmp_path / "history.json").write_text(json.dumps({"options": kept}))
    check_own(tmp_path, {"recipe": "full", "prompt": "red"}, (), "another name")
    assert library._made_by(tmp_path, run)
    with pytest.raises(UserError, match="another run"):
        check_own(tmp_path, {"recipe": "plain", "prompt": "red"}, (), "another name")


def test_reports_say_todays_words(tmp_path: Path) -> None:
    (tmp_path / "options.json").write_text(json.dumps({"prompt": "red", "recipe": "seed"}))
    assert records.read_run(tmp_path).options["recipe"] == "plain"


def test_a_plain_recipe_that_is_not_installed_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("phosphene.tools.laboratory.find_spec", lambda name: None)
    told = [
        lambda: cppn.trainer_of(Options(output="x", prompt="red", recipe="plain")),
        lambda: gan.trainer_of(options_from({"recipe": "plain"})),
        lambda: VqvaeOptions(rescue="plain").make_quantiser(None),
    ]
    for each in told:
        with pytest.raises(UserError, match="plain recipes come with the source code") as error:
            each()
        assert "pip install -e" in error.value.remedy
    assert cppn.trainer_of(Options(output="x", prompt="red")) is cppn.Trainer
