"""Checkpoints of the first CLIP-guided CPPNs: what is read plays the same picture; what is not one is refused, unrun."""

from __future__ import annotations

import math
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from phosphene.engine.core.errors import UserError  # noqa: E402
from phosphene.engine.models.checkpoint import INPUTS, read_checkpoint  # noqa: E402
from phosphene.engine.models.cppn import ACTIVATIONS  # noqa: E402
from phosphene.kernels.cppn.reference import forward  # noqa: E402


class FirstCppn(nn.Module):
    """The network that such files are of, as their description has it."""

    def __init__(self, width: int, layers: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(12 if i == 0 else width, width) for i in range(layers))
        self.output_layer = nn.Linear(width, 3)
        for layer in self.layers:
            nn.init.xavier_uniform_(layer.weight, gain=5.0)

    def forward(self, x):
        act = (torch.sin, torch.cos, lambda z: torch.exp(-(z**2)), torch.tanh)
        for i, layer in enumerate(self.layers):
            x = act[i % 4](layer(x))
        return torch.sigmoid(self.output_layer(x))


def content(width: int = 128, layers: int = 4, **changes) -> dict:
    """What the trainer of the first networks saves."""
    torch.manual_seed(width + layers)
    return {
        "state_dict": FirstCppn(width, layers).state_dict(),
        "prompt": "organic flowing  shapes\nwith strong contrast",
        "best_similarity": 0.2452,
        "clip_model": "RN50",
        "audio_file": "../../docs/Audio/TOOL - The Pot (Audio).mp3",
        "resolution_pyramid": [256, 512],
        "iterations": 400,
        "cppn_config": {"input_dim": 12, "hidden_dim": width, "num_layers": layers},
    } | changes


def saved(folder: Path, what: object, **options) -> Path:
    path = folder / "style.pth"
    torch.save(what, path, **options)
    return path


@pytest.mark.parametrize(("width", "parameters"), [(128, 51_587), (256, 201_475)])
def test_the_two_first_networks(tmp_path, width, parameters):
    found = read_checkpoint(saved(tmp_path, content(width)))
    assert found.parameters == found.spec.parameters == parameters
    assert (found.spec.width, found.spec.layers, found.spec.activations) == (width, 4, ACTIVATIONS)
    assert found.prompt == "organic flowing shapes with strong contrast"
    assert (found.similarity, found.clip_model, found.iterations) == (0.2452, "RN50", 400)
    assert (found.audio, found.resolutions) == ("TOOL - The Pot (Audio).mp3", (256, 512))


@pytest.mark.parametrize(("width", "layers"), [(128, 4), (4, 3), (12, 4), (256, 1), (20, 10)])
@pytest.mark.parametrize("old", [False, True])
def test_the_picture_is_the_one_that_its_maker_saw(tmp_path, width, layers, old):
    made = content(width, layers)
    network = FirstCppn(width, layers)
    network.load_state_dict(made["state_dict"])
    network.double()  # ten layers of waves make half a step of a float32 a visible one: in which order a CPU adds would show
    # Their grid: the first coordinate grows downwards, the second to the right; then time and nine features.
    side = 24
    down, right = torch.meshgrid(*[torch.linspace(-math.pi, math.pi, side)] * 2, indexing="ij")
    sound = torch.rand(9)
    rest = torch.cat([torch.tensor([0.5]), sound]).expand(side * side, 10)
    with torch.no_grad():
        theirs = network(torch.cat([torch.stack([down.flatten(), right.flatten()], 1), rest], 1).double()).numpy()

    found = read_checkpoint(saved(tmp_path, made, _use_new_zipfile_serialization=not old))
    features = ("bass", "mid", "treble", "centroid", "rolloff", "onset", "time_ramp", "beat", "rms")
    values = {"x": right.flatten().numpy(), "y": -down.flatten().numpy(), "time": 0.5}
    values |= dict(zip(features, sound.tolist(), strict=True))
    ours = np.stack([np.broadcast_to(values[name], side * side) for name in found.spec.inputs], 1)
    picture = forward(ours.astype(np.float64), found.weights, found.spec.layer_activations)
    assert np.abs(picture - theirs).max() < 1e-4
    assert found.width == width
    assert found.spec.width == max(width, 16)


def test_a_bare_state_dict_says_its_own_architecture(tmp_path):
    found = read_checkpoint(saved(tmp_path, content(32, 3)["state_dict"]))
    assert (found.width, found.spec.layers, found.prompt, found.similarity) == (32, 3, "", None)


def test_half_precision_is_read(tmp_path):
    made = content(16)
    half = {name: tensor.half() for name, tensor in made["state_dict"].items()}
    found = read_checkpoint(saved(tmp_path, made | {"state_dict": half}))
    assert all(w.dtype == b.dtype == np.float32 for w, b in found.weights)


def test_zoom_makes_the_picture_larger(tmp_path):
    path = saved(tmp_path, content(16))
    plain, near = read_checkpoint(path), read_checkpoint(path, 4.0)
    inputs = np.random.default_rng(1).uniform(-1, 1, (50, 12)).astype(np.float32)
    scaled = inputs.copy()
    scaled[:, :2] *= 0.25
    acts = plain.spec.layer_activations
    assert np.allclose(forward(inputs, near.weights, acts), forward(scaled, plain.weights, acts), atol=1e-4)
    for zoom in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(UserError, match="zoom"):
            read_checkpoint(path, zoom)


def config(**changes) -> dict:
    return {"cppn_config": {"input_dim": 12, "hidden_dim": 16, "num_layers": 4} | changes}


def state(**changes) -> dict:
    made = dict(content(16)["state_dict"])
    for name, value in changes.items():
        key = name.replace("__", ".")
        if value is None:
            del made[key]
        else:
            made[key] = value
    return {"state_dict": made}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (config(input_dim=11), "cppn_config.input_dim"),
        (config(input_dim=True), "cppn_config.input_dim"),
        (config(hidden_dim=0), "cppn_config.hidden_dim"),
        (config(hidden_dim=10**9), "cppn_config.hidden_dim"),
        (config(hidden_dim="16"), "cppn_config.hidden_dim"),
        (config(num_layers=5), "layers.4"),  # says five, holds four
        (config(num_layers=3), "layers.3"),
        (config(num_layers=13), "cppn_config.num_layers"),
        (config(num_layers=None), "cppn_config.num_layers"),
        (config(output_dim=4), "cppn_config.output_dim"),
        (config(activations=["sin"]), "cppn_config.activations"),
        (config(activations=["relu"] * 4), "cppn_config.activations"),
        ({"cppn_config": 12}, "cppn_config"),
        ({"cppn_config": {}}, "cppn_config.input_dim"),
        ({"state_dict": None}, "state_dict"),
        ({"state_dict": {}}, "layers.0.bias"),
        (state(layers__2__bias=None), "layers.2.bias"),
        (state(output_layer__weight=None), "output_layer.weight"),
        (state(more=torch.zeros(1)), "more"),
        (state(layers__1__weight=torch.zeros(16, 15)), "layers.1.weight"),
        (state(layers__0__weight=torch.zeros(16, 11)), "layers.0.weight"),
        (state(layers__0__bias=torch.zeros(1).expand(10**9)), "layers.0.bias"),
        (state(layers__0__bias=torch.full((16,), math.nan)), "not finite"),
        (state(output_layer__bias=torch.tensor([0.0, math.inf, 0.0])), "not finite"),
        (state(layers__0__bias=torch.full((16,), 1e300, dtype=torch.float64)), "not finite"),
        (state(layers__0__bias=torch.zeros(16, dtype=torch.int64)), "layers.0.bias"),
        (state(layers__0__bias=[0.0] * 16), "layers.0.bias"),
        (state(layers__0__bias=torch.zeros(16).to_sparse()), "layers.0.bias"),
        ({"best_similarity": "0.24"}, "best_similarity"),
        ({"best_similarity": math.nan}, "best_similarity"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(tmp_path, changes, said):
    with pytest.raises(UserError) as caught:
        read_checkpoint(saved(tmp_path, content(16) | changes))
    line = caught.value.line()
    assert said in line
    assert str(tmp_path) in line
    assert "\n" not in line


@pytest.mark.parametrize("what", [[1, 2], "text", torch.zeros(3), {}, {"weights": torch.zeros(3)}, {1: 2}])
def test_other_things_that_torch_saves_are_refused(tmp_path, what):
    with pytest.raises(UserError, match=r"style\.pth"):
        read_checkpoint(saved(tmp_path, what))


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04" + bytes(200), b"\x80\x04garbage", b"text " * 100])
def test_bytes_that_are_no_checkpoint_are_refused(tmp_path, data):
    path = tmp_path / "style.pth"
    path.write_bytes(data)
    with pytest.raises(UserError, match=r"style\.pth"):
        read_checkpoint(path)


def test_a_file_cut_short_a_folder_and_nothing_at_all(tmp_path):
    path = saved(tmp_path, content(16))
    path.write_bytes(path.read_bytes()[:5000])
    for place in (path, tmp_path, tmp_path / "none.pth"):
        with pytest.raises(UserError):
            read_checkpoint(place)


class Payload:
    """A pickle that leaves a file behind if it is ever run."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


@pytest.mark.parametrize("how", ["zip", "old", "pickle"])
def test_a_hostile_file_is_refused_and_nothing_runs(tmp_path, how):
    proof, made = tmp_path / "ran", content(16, prompt=Payload(tmp_path / "ran"))
    if how == "pickle":
        path = tmp_path / "style.pth"
        path.write_bytes(pickle.dumps(made))
    else:
        path = saved(tmp_path, made, _use_new_zipfile_serialization=how == "zip")
    with pytest.raises(UserError, match="could run code") as caught:
        read_checkpoint(path)
    assert not proof.exists()
    assert "weights_only" not in caught.value.line()  # torch advises to switch it off
    if how != "pickle":  # the payload is live: loaded unsafely, it does what it is for
        torch.load(path, weights_only=False)
        assert proof.exists()


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_torchscript_is_refused(tmp_path):
    path = tmp_path / "style.pth"
    torch.jit.script(nn.Linear(2, 2)).save(str(path))
    with pytest.raises(UserError, match="damaged, or none"):
        read_checkpoint(path)


def test_a_file_that_would_unpack_to_gigabytes_is_refused(tmp_path):
    path = tmp_path / "style.pth"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", bytes(100 * 1024 * 1024))
    assert path.stat().st_size < 200_000
    with pytest.raises(UserError, match="too large"):
        read_checkpoint(path)


def test_without_torch_one_line_says_how_to_get_it(tmp_path, monkeypatch):
    path = saved(tmp_path, content(16))
    monkeypatch.setitem(__import__("sys").modules, "torch", None)
    with pytest.raises(UserError, match="pip install"):
        read_checkpoint(path)


def test_the_inputs_are_twelve_known_ones():
    assert len(INPUTS) == len(set(INPUTS)) == 12
