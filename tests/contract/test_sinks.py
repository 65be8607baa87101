"""What every sink of the render loop must keep: never block, never raise, keep order, give the file both streams."""

from __future__ import annotations

import av
import numpy as np
import pytest

from phosphene.engine.core import clock
from phosphene.engine.core.frame import Frame, Size
from phosphene.engine.gpu.readback import FramePool, Readback
from phosphene.engine.gpu.texture import RenderTarget
from phosphene.engine.output.sink import RecorderSink

SIZE = Size(160, 90)
FPS = 24


def picture(k: int) -> np.ndarray:
    """A picture whose brightness is its number, brighter in its top half."""
    array = np.full((SIZE.height, SIZE.width, 4), 4 * k, np.uint8)
    array[: SIZE.height // 2] = 4 * k + 40
    return array


def frame(k: int) -> Frame:
    return Frame(index=k, time=k / FPS, t_present=k / FPS, dt=1 / FPS, fps=FPS)


@pytest.fixture(params=["recorder"])
def sink(request, gl, tmp_path):
    sink = RecorderSink(tmp_path / "a.mp4", SIZE, FPS, audio=None, t_start=0.0, codec="x264")
    yield sink
    sink.close()


def test_pictures_arrive_in_order_the_right_way_up(sink, gl):
    target = RenderTarget(SIZE, "rgba8")
    for k in range(48):
        target.upload(picture(k))
        sink.accept(target, frame(k), k / FPS)
        clock.sleep(0.002)
    result = sink.stop(48 / FPS)
    target.close()
    assert (result.error, result.frames, result.dropped, result.late) == ("", 48, 0, 0)
    with av.open(str(result.path)) as file:
        pictures = [f.to_ndarray(format="gray").astype(float) for f in file.decode(video=0)]
    top = [p[10, 80] for p in pictures]
    bottom = [p[80, 80] for p in pictures]
    assert np.all(np.diff(top) > 0)
    assert np.all(np.array(top) > np.array(bottom))


def test_after_the_end_pictures_are_ignored(sink, gl):
    target = RenderTarget(SIZE, "rgba8")
    for k in range(5):
        sink.accept(target, frame(k), k / FPS)
    sink.finish(5 / FPS)
    sink.finish(9.0)
    sink.accept(target, frame(5), 5 / FPS)
    sink.close()
    sink.close()
    target.close()
    assert sink.result.frames == 5
    assert sink.status().state == "done"


def test_readback_is_the_picture_bit_for_bit_and_allocates_nothing_more(gl):
    pool = FramePool(SIZE, 4)
    readback = Readback(pool)
    target = RenderTarget(SIZE, "rgba8")
    rng = np.random.default_rng(0)
    sent, seen = [], 0
    for k in range(30):
        noise = rng.integers(0, 256, (SIZE.height, SIZE.width, 4)).astype(np.uint8)
        target.upload(noise)
        assert readback.start(target, k)
        sent.append(noise)
        for array, tag in readback.poll() if k % 3 < 2 else readback.drain():
            assert tag == seen
            assert np.array_equal(array, sent[tag])
            seen += 1
            pool.give(array)
    for array, tag in readback.drain():
        assert np.array_equal(array, sent[tag])
        seen += 1
    assert seen == 30
    assert pool.made == 4
    with pytest.raises(ValueError, match="160x90"):
        readback.start(RenderTarget(Size(8, 8), "rgba8"), 0)
    readback.close()
    target.close()


def test_a_readback_with_all_buffers_in_flight_refuses_instead_of_waiting(gl):
    readback = Readback(FramePool(SIZE, 4))
    target = RenderTarget(SIZE, "rgba8")
    assert [readback.start(target, k) for k in range(4)] == [True, True, True, False]
    assert [tag for _, tag in readback.drain()] == [0, 1, 2]
    readback.close()
    target.close()
