"""Feeds hand out whole hops for ever, the same ones wherever they begin; decoding reads what FFmpeg reads."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from phosphene.engine.audio.decode import load_audio, stream_audio
from phosphene.engine.audio.feeds import ArrayFeed, FileFeed, is_feed, open_feed
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.signals import HOP, SAMPLE_RATE


def write_wav(path: Path, pcm: np.ndarray, rate: int = SAMPLE_RATE) -> Path:
    """Write float32[n, channels] as 16-bit WAV."""
    with av.open(str(path), "w") as container:
        layout = "stereo" if pcm.shape[1] == 2 else "mono"
        stream = container.add_stream("pcm_s16le", rate=rate, layout=layout)
        data = np.ascontiguousarray((pcm * 32767).astype(np.int16).reshape(1, -1))
        frame = av.AudioFrame.from_ndarray(data, format="s16", layout=layout)
        frame.sample_rate = rate
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def music(n: int) -> np.ndarray:
    return (0.3 * np.random.default_rng(0).standard_normal((n, 2))).clip(-0.99, 0.99).astype(np.float32)


def test_wav_is_read_sample_for_sample(tmp_path: Path) -> None:
    pcm = music(10_000)
    read = load_audio(write_wav(tmp_path / "a.wav", pcm))
    assert read.dtype == np.float32
    assert read.shape == (10_000, 2)
    assert read == pytest.approx(pcm, abs=1e-4)


def test_other_rates_and_mono_become_48k_stereo(tmp_path: Path) -> None:
    t = np.arange(44_100) / 44_100
    mono = (0.5 * np.sin(2 * np.pi * 1000 * t)).astype(np.float32)[:, None]
    read = load_audio(write_wav(tmp_path / "a.wav", mono, 44_100))
    assert len(read) == pytest.approx(SAMPLE_RATE, abs=64)
    assert np.array_equal(read[:, 0], read[:, 1])
    spectrum = np.abs(np.fft.rfft(read[:, 0]))
    assert np.argmax(spectrum) == pytest.approx(1000, abs=2)


def test_streaming_from_a_sample_equals_the_rest_of_the_file(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", music(30_000))
    assert np.array_equal(np.concatenate(list(stream_audio(path, 12_345))), load_audio(path)[12_345:])


def test_file_feed_ends_in_silence(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", music(3 * HOP + 100))
    feed = FileFeed(path)
    hops = np.concatenate([feed.next_hop() for _ in range(6)])
    assert hops.shape == (6 * HOP, 2)
    assert np.array_equal(hops[: 3 * HOP + 100], load_audio(path))
    assert np.all(hops[3 * HOP + 100 :] == 0)


def test_loop_has_no_seam_and_begins_anywhere() -> None:
    pcm = music(HOP + 77)
    feed = ArrayFeed(pcm, loop=True)
    long = np.concatenate([feed.next_hop() for _ in range(8)])
    assert np.array_equal(long, np.tile(pcm, (9, 1))[: len(long)])
    later = ArrayFeed(pcm, 3 * HOP, loop=True)
    assert np.array_equal(later.next_hop(), long[3 * HOP : 4 * HOP])


def test_mono_array_is_heard_on_both_channels() -> None:
    hop = ArrayFeed(np.ones(HOP, np.float32)).next_hop()
    assert np.all(hop == 1)
    assert hop.shape == (HOP, 2)


def test_demo_is_a_feed() -> None:
    assert is_feed("demo")
    assert is_feed("file:x.wav")
    assert not is_feed("Scarlett 2i2")
    feed = open_feed("demo", SAMPLE_RATE)
    assert feed.next_hop().shape == (HOP, 2)


@pytest.mark.parametrize("content", [None, b"", b"not a sound at all" * 100])
def test_what_is_no_sound_is_refused_with_its_name(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "broken.wav"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=r"broken\.wav"):
        load_audio(path)


def test_truncated_file_gives_what_there_is(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", music(48_000))
    path.write_bytes(path.read_bytes()[:60_000])
    assert 10_000 < len(load_audio(path)) < 16_000
