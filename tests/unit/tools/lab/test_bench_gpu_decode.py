"""The benchmark of decoded pictures: what it decodes, and that a way which does not run says why. Times are not tested."""

from __future__ import annotations

import pytest

from phosphene.engine.backends.decoders import OnnxDecoder
from phosphene.engine.core.errors import UserError
from phosphene.engine.gpu.cuda import driver_refusal
from phosphene.tools.lab import bench_gpu_decode
from tests.decoded_styles import small_gan

pytest.importorskip("onnxruntime")


@pytest.mark.skipif(driver_refusal() is None, reason="there is an NVIDIA driver here")
def test_without_a_gpu_three_ways_say_why_they_are_not_measured(tmp_path):
    ways = bench_gpu_decode.every_way(tmp_path)
    reasons = {name: bench_gpu_decode.measured(way) for name, way in ways.items() if name != "onnx"}
    assert reasons == {key: {"not measured": driver_refusal()} for key in ("tensorrt", "torch", "torch_eager")}


def test_a_way_that_fails_on_the_second_deck_gives_the_first_one_back():
    closed = []

    class First(OnnxDecoder):
        def close(self) -> None:
            closed.append(self)
            super().close()

    def way(style):
        if style.slug == "untrained-2":
            raise UserError("no memory")
        return First(small_gan())

    assert bench_gpu_decode.measured(way) == {"not measured": "no memory"}
    assert len(closed) == 1


def test_what_is_decoded_is_512_wide_and_bears_half():
    from phosphene.engine.backends.decoded_onnx import needed_full_layers

    style = bench_gpu_decode.untrained_gan(1)
    assert OnnxDecoder(style).trial.shape == (288, 512, 3)
    assert OnnxDecoder(style).trial.std() > 0.01
    assert needed_full_layers(style) == 0
