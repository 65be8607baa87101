"""The network that tags music: musicnn, trained on MagnaTagATune, run by onnxruntime on one thread of the CPU.

Its weights are shipped as numbers (THIRD_PARTY.md, `tools/convert_musicnn.py`), and the graph is written here each time it
is loaded, as for styles: no graph from outside is ever run. Needs the packages of the extra `nets`, imported when it is
opened.

    log-mel [187, 96] --> 2 x timbre: conv 7 x 38, 7 x 67, the highest over the bands   \\
                      --> 3 x time:   conv 128, 64, 32 x 1, the highest over the bands  -> [561, 187]
    --> 3 x conv 7 over time, the last two added to what they got: [64, 187] each; all four together [753, 187]
    --> highest and mean over time [1506] --> 200 --> 50 tags, 0..1

Source: Pons and Serra, "musicnn: pre-trained convolutional neural networks for music audio tagging", ISMIR 2019. ROC-AUC of
this training on MagnaTagATune's test set, by its authors: 0.907.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np

from phosphene.engine.core import shipped as core_shipped
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.extras import install

WEIGHTS = Path(__file__).with_name("weights") / "musicnn.npz"
FRAMES, BANDS = 187, 96  # of 16 ms, 3.0 s in all
TAGS = (
    "guitar", "classical", "slow", "techno", "strings", "drums", "electronic", "rock", "fast", "piano", "ambient", "beat",
    "violin", "vocal", "synth", "female", "indian", "opera", "male", "singing", "vocals", "no vocals", "harpsichord", "loud",
    "quiet", "flute", "woman", "male vocal", "no vocal", "pop", "soft", "sitar", "solo", "man", "classic", "choir", "voice",
    "new age", "dance", "male voice", "female vocal", "beats", "harp", "cello", "no voice", "weird", "country", "metal",
    "female voice", "choral",
)  # fmt: skip

_MIDDLE, _HIDDEN = 64, 200
_KERNELS = {
    "timbral_0": (204, 1, 7, 38),
    "timbral_1": (204, 1, 7, 67),
    "temporal_0": (51, 1, 128, 1),
    "temporal_1": (51, 1, 64, 1),
    "temporal_2": (51, 1, 32, 1),
    "middle_0": (_MIDDLE, 1, 7, 561),
    "middle_1": (_MIDDLE, 1, 7, _MIDDLE),
    "middle_2": (_MIDDLE, 1, 7, _MIDDLE),
}
_POOLED = 2 * (561 + 3 * _MIDDLE)
SHAPES: dict[str, tuple[int, ...]] = {
    "input.scale": (1,),
    "input.shift": (1,),
    **{f"{name}.weight": shape for name, shape in _KERNELS.items()},
    **{f"{name}.{part}": (shape[0],) for name, shape in _KERNELS.items() for part in ("bias", "scale", "shift")},
    "hidden.weight": (_POOLED, _HIDDEN),
    "hidden.bias": (_HIDDEN,),
    "output.weight": (_HIDDEN, len(TAGS)),
    "output.bias": (len(TAGS),),
}
_OPSET, _IR = 17, 9  # read by every onnxruntime since 1.14


def load_weights(path: Path = WEIGHTS) -> dict[str, np.ndarray]:
    """Return the arrays of `SHAPES`, float32. Raises UserError for a file that is not there, or not this."""
    return core_shipped.load_weights(path, SHAPES, "music tagger")


def refusal() -> str:
    """Return why no network can be opened here: what is missing, and what to type. Empty: it can. Loads nothing."""
    missing = [name for name in ("onnxruntime", "onnx") if importlib.util.find_spec(name) is None]
    if missing:
        return f"{' and '.join(missing)} not installed: {install('nets')}"
    return "" if WEIGHTS.is_file() else f"no file {WEIGHTS}"


def open_network(path: Path = WEIGHTS) -> TagNetwork:
    """Return the network with the shipped weights, 0.3 s. Raises UserError where packages or weights are missing or bad."""
    if why := refusal():
        raise UserError("music cannot be tagged", got=why)
    return TagNetwork(load_weights(path))


class TagNetwork:
    """The network with its weights: the same input gives the same bits. 1.3 G multiplications a call."""

    def __init__(self, weights: dict[str, np.ndarray]) -> None:
        """weights: see `load_weights`. Imports onnxruntime and onnx."""
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(graph(weights), options, providers=["CPUExecutionProvider"])

    def tag(self, logmel: np.ndarray) -> np.ndarray:
        """Return float32 [50], 0..1, how well each of `TAGS` suits float32 [187, 96]."""
        (tags,) = self._session.run(None, {"logmel": np.ascontiguousarray(logmel[None, None], np.float32)})
        return tags[0]


def graph(weights: dict[str, np.ndarray]) -> bytes:
    """Return the ONNX model. Imports onnx, by which it is checked."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    nodes: list[Any] = []
    numbers = {name: array for name, array in weights.items() if not name.endswith(("scale", "shift"))}
    numbers |= {  # along the channels
        name: array.reshape(1, -1, 1, 1) for name, array in weights.items() if name.endswith(("scale", "shift"))
    }

    def node(kind: str, inputs: list[str], out: str, **attributes: object) -> str:
        nodes.append(helper.make_node(kind, inputs, [out], **attributes))
        return out

    def normal(x: str, name: str) -> str:
        return node("Add", [node("Mul", [x, f"{name}.scale"], f"{name}.scaled"), f"{name}.shift"], f"{name}.normal")

    def layer(x: str, name: str) -> str:
        """Add convolution (over time as long as before), ReLU, normalisation."""
        length = _KERNELS[name][2]
        # Of an even kernel TensorFlow's "same" pads one less before than after.
        pads = [(length - 1) // 2, 0, length // 2, 0]
        heard = node("Conv", [x, f"{name}.weight", f"{name}.bias"], f"{name}.conv", pads=pads)
        return normal(node("Relu", [heard], f"{name}.relu"), name)

    def across(x: str, out: str) -> str:
        """Turn channels [1, c, time, 1] into bands [1, 1, time, c]."""
        return node("Transpose", [x], out, perm=[0, 3, 2, 1])

    x = normal("logmel", "input")
    first = [
        node("ReduceMax", [layer(x, name)], f"{name}.highest", axes=[3], keepdims=1)
        for name in _KERNELS
        if not name.startswith("middle")
    ]
    parts = [across(node("Concat", first, "first.joined", axis=1), "first")]
    for k in range(3):
        got = across(layer(parts[-1], f"middle_{k}"), f"middle_{k}.across")
        parts.append(node("Add", [got, parts[-1]], f"middle_{k}.sum") if k else got)
    seen = node("Concat", parts, "seen", axis=3)
    pooled = [node(kind, [seen], kind, axes=[2], keepdims=0) for kind in ("ReduceMax", "ReduceMean")]
    # The highest and the mean of a band lie side by side: [1, 2, 753] is turned before it is made flat.
    turned = node("Transpose", [node("Concat", pooled, "pooled", axis=1)], "turned", perm=[0, 2, 1])
    flat = node("Flatten", [turned], "flat")
    hidden = node("Relu", [node("Gemm", [flat, "hidden.weight", "hidden.bias"], "hidden")], "hidden.relu")
    node("Sigmoid", [node("Gemm", [hidden, "output.weight", "output.bias"], "output")], "tags")
    made = helper.make_graph(
        nodes,
        "musicnn",
        [helper.make_tensor_value_info("logmel", TensorProto.FLOAT, [1, 1, FRAMES, BANDS])],
        [helper.make_tensor_value_info("tags", TensorProto.FLOAT, [1, len(TAGS)])],
        [numpy_helper.from_array(np.ascontiguousarray(array), name) for name, array in numbers.items()],
    )
    opset = helper.make_opsetid("", _OPSET)
    model = helper.make_model(made, opset_imports=[opset], ir_version=_IR, producer_name="phosphene")
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString()
