"""From the GPU to OpenGL and to the encoder: shared textures, two decks in one launch, NVENC from device memory."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest

from phosphene.engine.backends.cpu import CpuProgram
from phosphene.engine.backends.cuda import CudaBackend
from phosphene.engine.backends.torch import TorchBackend
from phosphene.engine.compositor.mixer import Mixer
from phosphene.engine.core import clock
from phosphene.engine.core.frame import Frame, Size
from phosphene.engine.core.signals import BeatPosition, signals_at
from phosphene.engine.generators.cppn import CppnGenerator
from phosphene.engine.gpu.interop import Bridge
from phosphene.engine.gpu.texture import RenderTarget
from phosphene.engine.models.colour import linear_to_srgb
from phosphene.engine.models.encoding import View
from phosphene.engine.output.device_capture import DeviceCapture, Packer
from phosphene.engine.output.encoder import nvenc_refusal
from phosphene.engine.output.sink import RecorderSink
from phosphene.engine.show.state import DeckFrame, ShowFrame
from phosphene.kernels.pack_nv12.reference import pack
from tests.contract.test_backends import make_style, uniforms_of

SIZE, VIEW = Size(640, 360), View(zoom=1.3, rotate=0.05)
SIGNALS = signals_at(0.0, [], BeatPosition(0.1))


@pytest.fixture(params=[CudaBackend, TorchBackend], ids=["cuda", "torch"])
def backend(request, cuda, gl):
    from phosphene.engine.gpu.context import info

    made = request.param(info()["renderer"])
    if reason := made.refusal():
        pytest.skip(reason)
    return made


@pytest.mark.parametrize("format", ["rgba8", "rgba16f"])
def test_a_frame_reaches_its_target_the_right_way_up_at_any_size(backend, format):
    style = make_style(width=32, gain=0.8)
    program = backend.open(style, SIZE)
    target = RenderTarget(Size(2, 2), format)
    for size in (SIZE, Size(46, 26), Size(333, 187), SIZE):
        for seed in range(2):
            uniforms = uniforms_of(style, seed)
            program.run(uniforms, size, VIEW, target)
            error = np.abs(target.read()[..., :3] - CpuProgram(style).evaluate(uniforms, size, VIEW)) * 255
            assert np.percentile(error, 99) <= 2.0  # the kernel's 1 and the dither's
    assert 0.0 < program.gpu_ms < 100.0
    program.close()
    target.close()


def test_on_the_gpu_that_draws_nothing_goes_through_host_memory(cuda, shared_gl):
    program = CudaBackend(shared_gl).open(make_style(), SIZE)
    target = RenderTarget(SIZE, "rgba8")
    program.run(uniforms_of(make_style()), SIZE, VIEW, target)
    assert program.staging_reason == ""
    program.close()
    target.close()


def test_both_ways_give_the_same_bytes(cuda, shared_gl):
    picture = np.random.default_rng(0).integers(0, 256, (SIZE.height, SIZE.width, 4)).astype(np.uint8)
    source, stream, seen = cuda.buffer(picture.nbytes), cuda.stream(), []
    for reason in ("", "for the test"):
        bridge, target = Bridge(cuda, reason), RenderTarget(SIZE, "rgba8")
        for _ in range(3):
            stream.upload(source, np.ascontiguousarray(picture[::-1]))
            bridge.show(source, target, stream)
        seen.append(np.rint(target.read() * 255).astype(np.uint8))
        assert bridge.reason == reason
        bridge.close()
        target.close()
    np.testing.assert_array_equal(seen[0], picture)
    np.testing.assert_array_equal(seen[1], picture)
    source.close()
    stream.close()


def test_the_mixer_dissolves_two_styles_in_one_launch(cuda, gl):
    from phosphene.engine.gpu.context import info

    backend, mixer = CudaBackend(info()["renderer"]), Mixer()
    styles = [make_style(width=64, seed=seed, gain=0.8) for seed in (3, 4)]
    generators = [CppnGenerator(style, backend.open(style, SIZE), mixer.passes) for style in styles]
    for deck, generator in zip("ab", generators, strict=True):
        mixer.set_generator(deck, generator)
    show = ShowFrame(DeckFrame("a", {"level": 0.8}, ()), DeckFrame("b", {}, ()), mix=0.4, transition="dissolve")
    seen = []
    for together in (True, False):
        if not together:
            generators[0].program.pairs_with = lambda other: False
        light = mixer.render(Frame(0, 0.0, 0.0, 0.0, 60.0), SIGNALS, show, SIZE).read()[..., :3]
        seen.append(linear_to_srgb(light.astype(np.float64)))
    assert seen[1].std() > 0.02
    assert np.percentile(np.abs(seen[0] - seen[1]) * 255, 99) <= 2.0
    assert mixer.faults == {}
    for generator in generators:
        generator.close()
    mixer.close()


@pytest.fixture(scope="module")
def packer(cuda) -> Packer:
    """NVENC from device memory, or a skip."""
    if reason := nvenc_refusal():
        pytest.skip(f"no NVENC: {reason}")
    made = Packer(cuda)
    made.probe()
    return made


def test_packing_is_the_reference(packer):
    rgba = np.random.default_rng(1).integers(0, 256, (SIZE.height, SIZE.width, 4)).astype(np.uint8)
    (picture,), stream = packer.lend(SIZE, 1), packer.stream
    stream.upload(packer.rgba(SIZE), np.ascontiguousarray(rgba[::-1]))
    packer.pack(packer.rgba(SIZE), picture)
    packed = np.empty((SIZE.height * 3 // 2, picture.pitch), np.uint8)
    stream.download(packed, picture.buffer)
    stream.synchronize()
    luma, chroma = pack(rgba)
    assert np.abs(packed[: SIZE.height, : SIZE.width].astype(int) - luma).max() <= 1
    assert np.abs(packed[SIZE.height :, : SIZE.width].astype(int) - chroma.reshape(SIZE.height // 2, -1)).max() <= 1
    packer.give(picture)


def test_a_recording_from_device_memory_holds_the_pictures_in_order_and_in_colour(packer, shared_gl, tmp_path):
    colours = [(200, 40, 40), (40, 200, 40), (40, 40, 200), (128, 128, 128)]
    target = RenderTarget(SIZE, "rgba8")
    capture = DeviceCapture(packer, target, 12)
    sink = RecorderSink(tmp_path / "a.mp4", SIZE, Fraction(30), audio=None, t_start=0.0, capture=capture)
    for k in range(40):
        top = np.full((SIZE.height, SIZE.width, 4), 255, np.uint8)
        top[..., :3] = colours[k // 10]
        top[SIZE.height // 2 :, :, :3] //= 2
        target.upload(top)
        sink.accept(target, Frame(k, k / 30, k / 30, 1 / 30, 30.0), k / 30)
        give_up = clock.now() + 180.0
        while sink.status().frames < k - 5 and clock.now() < give_up:  # as fast as the encoder goes: nothing is dropped
            clock.sleep(0.001)
    result = sink.stop(40 / 30)
    target.close()
    assert (result.error, result.frames, result.dropped) == ("", 40, 0)
    with av.open(str(result.path)) as file:
        stream = file.streams.video[0]
        assert stream.codec_context.color_range == 1  # limited
        assert (stream.codec_context.colorspace, stream.codec_context.color_primaries) == (1, 1)
        pictures = [frame.to_ndarray(format="rgb24") for frame in file.decode(stream)]
    for k, picture in enumerate(pictures):
        wanted = np.array(colours[k // 10])
        assert np.abs(picture[60, 300].astype(int) - wanted).max() <= 6
        assert np.abs(picture[300, 300].astype(int) - wanted // 2).max() <= 6
