"""The command: data in, a style out that loads and plays; resumed, stopped, refused."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnxruntime")

from phosphene.engine.generators.still import preview_still  # noqa: E402
from phosphene.engine.library.style_lint import MOST_BYTES  # noqa: E402
from phosphene.engine.models.style import load_style  # noqa: E402
from phosphene.tools.train_gan import _options, command_line, main  # noqa: E402


def test_a_run_ends_as_a_style_with_its_report(trained):
    style = load_style(trained / "out")
    assert (style.kind, style.spec.grid, style.spec.factor) == ("gan", (9, 16), 4)
    assert style.meta.images
    assert np.ptp(preview_still(style)) > 0.0
    files = {p.name for p in (trained / "run").iterdir()}
    assert {"options.json", "history.json", "checkpoint.pt", "scores.json", "index.html", "walk.mp4", "samples"} <= files
    shipped = {p.name: p.stat().st_size for p in (trained / "out").iterdir()}
    assert {"style.toml", "weights.safetensors", "preview.png", "preview.mp4", "history.json"} <= shipped.keys()
    assert sum(shipped.values()) < MOST_BYTES
    scores = json.loads((trained / "run" / "scores.json").read_text())
    assert scores["kid"] > scores["kid_real"]
    assert {"kid", "kid_real", "kid_untrained", "reactivity", "reactivity_null"} <= style.meta.scores.keys()
    page = (trained / "run" / "index.html").read_text()
    assert "motif judge" in page
    assert "walk.mp4" in page
    assert "shuffled sound" in page


def test_the_style_paints_what_the_trainer_painted(trained, data):
    from phosphene.engine.backends.plain_decoder import open_decoder
    from phosphene.tools.gan.options import options_from
    from phosphene.tools.gan.run import begin, open_run

    options = options_from(json.loads((trained / "run" / "options.json").read_text()))
    trainer = begin(open_run(trained / "run", options, data), resume=True)
    style = load_style(trained / "out")
    drawn = trainer.shown.draw(1, torch.Generator().manual_seed(1))
    theirs = trainer.shown(drawn)[0].movedim(0, -1).numpy()
    ours = open_decoder(style).decode({name: value[0].numpy() for name, value in drawn.items()})
    assert np.abs(ours - theirs).max() < 1 / 255


def test_a_style_paints_whole_what_it_learnt_in_parts(data, tmp_path, capsys):
    from phosphene.engine.backends.plain_decoder import open_decoder

    out = tmp_path / "wide"
    small = ["--size", "32x16", "--widths", "8", "8", "8", "--judge", "4", "--batch", "4"]
    arguments = ["--data", str(data), "--out", str(out), "--run", str(tmp_path / "run"), "--images", "8", "--field", "2"]
    assert main([*arguments, *small, "--no-scores", "--no-video", "--json"]) == 0
    style = load_style(out)
    outcome = {"finished": True, "run": str(tmp_path / "run"), "style": str(out), "scores": style.meta.scores}
    assert json.loads(capsys.readouterr().out) == outcome
    assert style.spec.grid == (8, 16)
    assert open_decoder(style).trial.shape == (32, 64, 3)
    assert main([*arguments[:-1], "9", *small]) == 2


def test_resuming_goes_on(trained, data, capsys):
    again = ["--out", str(trained / "out"), "--run", str(trained / "run"), "--resume", "--no-video", "--no-scores"]
    steps = torch.load(trained / "run" / "checkpoint.pt", weights_only=True)["step"]
    assert main([*again, "--images", "24"]) == 0
    assert torch.load(trained / "run" / "checkpoint.pt", weights_only=True)["step"] > steps
    assert main([*again, "--images", "24", "--batch", "8"]) == 2
    assert "goes on as it began" in capsys.readouterr().err


def test_a_run_starts_with_what_another_learnt(trained, data, tmp_path, capsys, small):
    given = ["--data", str(data), "--out", str(tmp_path / "s"), "--run", str(tmp_path / "r"), "--no-video", "--no-scores"]
    start = ["--start", str(trained / "run")]
    assert main([*given, *small, *start, "--images", "4"]) == 0
    first, second = load_style(trained / "out"), load_style(tmp_path / "s")
    change = max(np.abs(first.weights[name] - second.weights[name]).max() for name in first.weights)
    assert 0.0 < change < 0.2  # two fresh networks: above 1
    other = [
        "--data",
        str(data),
        "--out",
        str(tmp_path / "t"),
        "--run",
        str(tmp_path / "q"),
        *small,
        *start,
        "--images",
        "4",
    ]
    assert main([*other, "--widths", "12", "8", "8"]) == 2
    assert "another network" in capsys.readouterr().err


def test_what_is_there_is_not_run_over(trained, data, capsys, small):
    arguments = ["--data", str(data), "--out", str(trained / "out"), "--images", "8", *small]
    assert main([*arguments, "--run", str(trained / "run")]) == 2
    assert "the run exists" in capsys.readouterr().err
    assert main([*arguments, "--run", str(trained / "other")]) == 2
    assert "the style exists" in capsys.readouterr().err


def test_a_folder_that_holds_something_is_refused_before_anything_is_made(data, tmp_path, capsys, small):
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "index.html").write_bytes(b"mine")
    given = ["--data", str(data), "--images", "8", *small]
    for out, run in ((photos, tmp_path / "r"), (tmp_path / "s", photos)):
        assert main([*given, "--out", str(out), "--run", str(run)]) == 2
        assert "holds something else" in capsys.readouterr().err
    assert [path.name for path in photos.iterdir()] == ["index.html"]
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]


def test_a_run_that_goes_on_writes_into_its_own_style_alone(trained, tmp_path, capsys):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "preview.png").write_bytes(b"mine")
    given = ["--run", str(trained / "run"), "--resume", "--images", "99"]
    assert main([*given, "--out", str(tmp_path / "photos")]) == 2
    assert "holds something else" in capsys.readouterr().err
    assert (tmp_path / "photos" / "preview.png").read_bytes() == b"mine"


class Trap:
    """Writes a file when unpickled."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self):
        return open, (self.path, "w")


@pytest.mark.parametrize("made", ["pickle", "rubbish", "cut"])
def test_a_checkpoint_runs_nothing(trained, tmp_path, made, capsys):
    run, sprung = tmp_path / "run", tmp_path / "sprung"
    run.mkdir()
    (run / "options.json").write_text((trained / "run" / "options.json").read_text())
    whole = (trained / "run" / "checkpoint.pt").read_bytes()
    made = {"pickle": pickle.dumps(Trap(str(sprung))), "rubbish": bytes(100), "cut": whole[: len(whole) // 2]}[made]
    (run / "checkpoint.pt").write_bytes(made)
    assert main(["--out", str(tmp_path / "out"), "--run", str(run), "--resume", "--images", "99"]) == 2
    assert "checkpoint is damaged" in capsys.readouterr().err
    assert not sprung.exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--data", "nowhere"], "nowhere"),
        ([], "no data"),
        (["--buckets", "flux"], "no such bucket"),
        (["--size", "62x36"], "does not fit"),
        (["--resume"], "nothing to resume"),
    ],
)
def test_faults_are_one_line(data, tmp_path, arguments, said, capsys, small):
    given = ["--out", str(tmp_path / "s"), "--run", str(tmp_path / "r"), "--images", "8", *small]
    if "--data" not in arguments and said != "no data":
        given += ["--data", str(data)]
    assert main([*given, *arguments]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert "Traceback" not in err


def test_too_few_pictures(data, tmp_path, capsys, small):
    lines = (data / "manifest.jsonl").read_text().splitlines()[:3]
    (tmp_path / "images").symlink_to(data / "images")
    (tmp_path / "manifest.jsonl").write_text("\n".join(lines) + "\n")
    given = ["--data", str(tmp_path), "--out", str(tmp_path / "s"), "--run", str(tmp_path / "r"), "--images", "8", *small]
    assert main(given) == 2
    assert "too few pictures" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--name", "x" * 61], "--name"),
        (["--device", "cuda:99"], "no such device"),
        (["--save-every", "0.1"], "--save-every"),
        (["--judge", "0"], "--judge"),
        (["--start", "nowhere"], "no such checkpoint"),
    ],
)
def test_what_would_fail_in_the_end_is_said_before_the_first_step(data, tmp_path, small, arguments, said, capsys):
    given = ["--data", str(data), "--out", str(tmp_path / "s"), "--run", str(tmp_path / "r"), "--images", "8", *small]
    assert main([*given, *arguments]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert "step" not in err
    assert not (tmp_path / "r").exists()


def test_numbers_out_of_their_range_are_refused(data, tmp_path, capsys):
    for option, value in (("--energy", "5"), ("--energy", "nan")):
        with pytest.raises(SystemExit, match="2"):
            main(["--data", str(data), "--out", str(tmp_path / "s"), option, value])
        assert f"train_gan.py: out of range ({option}): allowed: 0 to 1, got: {value}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "minutes", "images"),
    [([], 10.0, 0.0), (["--images", "5e6"], 0.0, 5e6), (["--minutes", "3"], 3.0, 0.0),
     (["--minutes", "3", "--images", "9"], 3.0, 9.0)],
)  # fmt: skip
def test_one_budget_alone_is_the_whole_budget(tmp_path, given, minutes, images):
    args = command_line(["--data", "d", "--out", str(tmp_path / "s"), *given])
    table = {name: getattr(args, name) for name in ("minutes", "images") if getattr(args, name) is not None}
    options, _ = _options(tmp_path / "r", table, args)
    assert (options.minutes, options.images) == (minutes, images)


@pytest.mark.parametrize("content", ["[]", "3", "{", '{"widths": 7}', '{"size": 5}', '{"minutes": "long"}'])
def test_damaged_options_are_one_line(tmp_path, content, capsys):
    (tmp_path / "options.json").write_text(content)
    assert main(["--out", str(tmp_path / "s"), "--run", str(tmp_path), "--resume"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
