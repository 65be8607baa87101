"""Options of a training run: ranges, reading back, and what people get wrong."""

from __future__ import annotations

import pytest

from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Size
from phosphene.tools.cppn.batch import Plan, read_moodboard
from phosphene.tools.cppn.options import Options
from phosphene.tools.cppn.trainer import trainer_of


def test_they_come_back_from_their_file(tmp_path):
    options = Options(output="a", prompt="red", resolutions=(64, 128, 256), tags=("x", "y"), energy=0.7)
    (tmp_path / "options.json").write_text(options.to_json())
    assert Options.read(tmp_path / "options.json") == options


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"hidden_dim": 8}, "--hidden-dim"),
        ({"lr": 0.0}, "--lr"),
        ({"lr": float("nan")}, "--lr"),
        ({"resolutions": ()}, "--resolutions"),
        ({"resolutions": (16,)}, "--resolutions"),
        ({"recipe": "theirs"}, "--recipe"),
        ({"prompt": "  "}, "--prompt"),
        ({"loop_s": 8.0, "inputs": "x,y,time,latent0"}, "--loop-seconds"),
        ({"energy": 2.0}, "--energy"),
        ({"name": "x" * 61}, "--name"),
        ({"loop_s": 8.0, "inputs": "x,y,bass"}, "--loop-seconds"),
        ({"loop_s": -1.0}, "--loop-seconds"),
    ],
)
def test_a_value_out_of_range_names_its_flag(change, where):
    with pytest.raises(UserError) as error:
        Options(**({"output": "a", "prompt": "red"} | change))
    assert where in error.value.where


@pytest.mark.parametrize(
    "table", [{"promt": "x"}, {"crops": "many"}, {"lr": True}, {"tags": "x"}, {"tags": [1]}, {"resolutions": ["256"]}]
)
def test_a_table_with_a_wrong_key_or_type_is_refused_by_name(table):
    with pytest.raises(UserError, match=next(iter(table))):
        Options.from_table({"output": "a", "prompt": "red"} | table, "file")


def test_stages_and_sizes():
    full = Options(output="a", prompt="x", iterations=10, resolutions=(256, 512))
    assert [full.stage(k) for k in (0, 9, 10, 19, 25)] == [256, 256, 512, 512, 512]
    assert trainer_of(full).size(256) == Size(256, 144)
    assert trainer_of(Options(output="a", prompt="x", recipe="plain")).size(256) == Size(256, 256)


def moodboard(tmp_path, text: str):
    path = tmp_path / "board.toml"
    path.write_text(text)
    return path


def test_a_moodboard_becomes_runs_at_matched_steps(tmp_path):
    path = moodboard(
        tmp_path,
        'version = 1\nseeds = 2\nrecipes = ["full", "plain"]\n[defaults]\niterations = 50\n'
        '[[style]]\noutput = "a"\nprompt = "red"\n[[style]]\noutput = "b"\nprompt = "blue"\nhidden_dim = 32\n',
    )
    plan = read_moodboard(path, "board")
    jobs = dict(plan.jobs(tmp_path))
    assert len(jobs) == 8
    assert {options.steps for options in jobs.values()} == {100}
    assert jobs["b-plain-w32-s1"].prompt == "blue"
    assert [name.rsplit("-s", 1)[1] for name in jobs][:4] == ["0"] * 4, "the first results cover every style"


def test_widths_are_compared_with_all_else_equal(tmp_path):
    plan = Plan("x", (Options(output="x", prompt="red"),), seeds=3, widths=(128, 256))
    assert {(o.hidden_dim, o.seed) for _, o in plan.jobs(tmp_path)} == {(w, s) for w in (128, 256) for s in (0, 1, 2)}
    assert len({name for name, _ in plan.jobs(tmp_path)}) == 6
    twice = Plan("x", (Options(output="x", prompt="red"),), widths=(32, 32), recipes=("full", "full"))
    assert len(twice.jobs(tmp_path)) == 1, "a run is a folder: nothing is trained twice into it"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("version = 2", "version"),
        ("version = 1", "empty"),
        ("version = 1\n[[style]]\nprompt = 3", "prompt"),
        ('version = 1\n[[style]]\nprompt = "a"\noutput = "../x"', "output"),
        ('version = 1\n[[style]]\nprompt = "a"\noutput = "x"\n[[style]]\nprompt = "b"\noutput = "x"', "twice"),
        ("version = 1\nstyle = [3]", "style 1"),
        ("version = 1\nstiles = 1", "stiles"),
        ("version = ", "TOML"),
    ],
)
def test_a_moodboard_with_a_fault_is_refused_by_name(tmp_path, text, named):
    with pytest.raises(UserError) as error:
        read_moodboard(moodboard(tmp_path, text), "board")
    assert named in error.value.line()
