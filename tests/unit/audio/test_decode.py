"""Sound as it comes: files that change in the middle, lie about themselves, or hold what is no sound."""

from __future__ import annotations

import logging
import struct
import sys
import zlib
from pathlib import Path

import av
import numpy as np
import pytest

from phosphene.engine.audio.decode import _Resampled, load_audio, stream_audio, told_seconds
from phosphene.engine.audio.mending import SoundFaults
from phosphene.engine.audio.stretches import after_junk, after_tags
from phosphene.engine.core import metrics
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.signals import SAMPLE_RATE

RNG = np.random.default_rng(0)


def tone(seconds: float, rate: int = SAMPLE_RATE, channels: int = 2) -> np.ndarray:
    """Return float32 [n, channels]: 440 Hz at 0.3."""
    mono = 0.3 * np.sin(2 * np.pi * 440 * np.arange(round(seconds * rate)) / rate)
    return np.repeat(mono[:, None], channels, axis=1).astype(np.float32)


def wav(
    pcm: np.ndarray, rate: int = SAMPLE_RATE, *, size: int | None = None, bits: int = 32, mask: int | None = None
) -> bytes:
    """Return a WAV file of floats (64 bits: doubles; 16: integers), or of int64 as it is, cut to so many bits.

    size: what it says of its data. mask: its speakers.
    """
    kind = 1 if bits == 16 or pcm.dtype == np.int64 else 3
    if pcm.dtype == np.int64:
        low = (pcm + (128 if bits == 8 else 0)).astype("<i8")  # those of 8 bits are the only ones without a sign
        body = low.view(np.uint8).reshape(*pcm.shape, 8)[..., : bits // 8].tobytes()
    else:
        body = ((pcm * 32767) if bits == 16 else pcm).astype({16: "<i2", 32: "<f4", 64: "<f8"}[bits]).tobytes()
    channels, told = pcm.shape[1], len(body) if size is None else size
    align = channels * bits // 8
    numbers = (channels, rate, rate * align & 0xFFFFFFFF, align, bits)
    if mask is None:
        form = struct.pack("<IHHIIHH", 16, kind, *numbers)
    else:
        form = struct.pack("<IHHIIHHHHI", 40, 0xFFFE, *numbers, 22, bits, mask)
        form += struct.pack("<H", kind) + bytes.fromhex("000000001000800000aa00389b71")
    return (
        b"RIFF" + struct.pack("<I", 36 + told & 0xFFFFFFFF) + b"WAVEfmt " + form + b"data" + struct.pack("<I", told) + body
    )


def encoded(folder: Path, codec: str, kind: str, rate: int, layout: str, seconds: float = 2.0) -> bytes:
    """Return a tone as a file of its own."""
    path = folder / f"{codec}-{rate}-{layout}"
    with av.open(str(path), "w", format=kind) as out:
        stream = out.add_stream(codec, rate=rate, layout=layout)
        stream.codec_context.open()
        pcm = tone(seconds, rate, 1 if layout == "mono" else 2)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(pcm.T), format="fltp", layout=layout)
        frame.sample_rate = rate
        size = stream.codec_context.frame_size or None
        fitted = av.AudioResampler(format=stream.format.name, layout=layout, rate=rate, frame_size=size)
        for piece in (*fitted.resample(frame), *fitted.resample(None), None):
            out.mux(stream.encode(piece))
    return path.read_bytes()


def heard(tmp_path: Path, content: bytes, faults: SoundFaults | None = None) -> np.ndarray:
    path = tmp_path / "sound"
    path.write_bytes(content)
    blocks = list(stream_audio(path, faults=faults))
    return np.concatenate(blocks)


def is_tone(pcm: np.ndarray) -> None:
    """Both channels of every quarter of a second hold 440 Hz at 0.3, but for edges and codecs."""
    for at in range(0, len(pcm) - SAMPLE_RATE // 4, SAMPLE_RATE // 4):
        piece = pcm[at : at + SAMPLE_RATE // 4]
        spectrum = np.abs(np.fft.rfft(piece * np.hanning(len(piece))[:, None], axis=0)) * 4 / len(piece)
        assert np.all(np.abs(spectrum.argmax(axis=0) * 4 - 440) <= 8), at / SAMPLE_RATE
        assert spectrum.max(axis=0) == pytest.approx([0.3, 0.3], rel=0.35), at / SAMPLE_RATE


@pytest.mark.parametrize(
    ("codec", "kind", "first", "second"),
    [
        ("libmp3lame", "mp3", (44_100, "stereo"), (48_000, "mono")),
        ("libmp3lame", "mp3", (24_000, "mono"), (44_100, "stereo")),
        ("libopus", "ogg", (48_000, "stereo"), (48_000, "mono")),
        ("libopus", "ogg", (24_000, "mono"), (48_000, "stereo")),
        ("flac", "flac", (44_100, "stereo"), (96_000, "mono")),
        ("aac", "adts", (44_100, "stereo"), (32_000, "mono")),
    ],
)
def test_files_that_were_joined_are_heard_to_the_end(tmp_path, codec, kind, first, second) -> None:
    joined = encoded(tmp_path, codec, kind, *first) + encoded(tmp_path, codec, kind, *second)
    pcm = heard(tmp_path, joined)
    assert len(pcm) / SAMPLE_RATE == pytest.approx(4.0, abs=0.2)
    is_tone(pcm)


def test_wav_files_that_were_joined_are_heard_to_the_end(tmp_path) -> None:
    joined = wav(tone(1.0, 44_100, 1), 44_100, bits=16) + wav(tone(1.0)) + wav(tone(1.0, 96_000), 96_000, bits=64)
    pcm = heard(tmp_path, joined)
    assert len(pcm) / SAMPLE_RATE == pytest.approx(3.0, abs=0.01)
    is_tone(pcm)
    assert told_seconds(tmp_path / "sound") == pytest.approx(3.0, abs=0.01)


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 500_000_000, 2_147_483_647])
def test_a_length_that_is_a_lie_costs_nothing(tmp_path, size: int) -> None:
    pcm = heard(tmp_path, wav(tone(1.0), size=size))
    assert np.array_equal(pcm, tone(1.0))


def test_a_file_that_breaks_off_is_heard_until_then_and_that_is_said(tmp_path, caplog) -> None:
    whole = encoded(tmp_path, "flac", "flac", 48_000, "stereo", 4.0)
    pcm = heard(tmp_path, whole[: len(whole) // 2])
    assert 1.0 < len(pcm) / SAMPLE_RATE < 3.0
    movie = encoded(tmp_path, "aac", "matroska", 48_000, "stereo", 4.0)
    assert 1.0 < len(heard(tmp_path, movie[: len(movie) // 2])) / SAMPLE_RATE < 3.0


@pytest.mark.parametrize("channels", [1, 2, 3, 5, 6, 8, 16, 32, 64])
def test_channels_without_a_layout_are_the_first_two(tmp_path, channels: int) -> None:
    pcm = (0.2 * RNG.standard_normal((4800, channels))).astype(np.float32)
    found = heard(tmp_path, wav(pcm))
    assert np.array_equal(found, pcm[:, [0, min(1, channels - 1)]])
    whole = (pcm * 32767).astype(np.int16)
    assert heard(tmp_path, wav(pcm, bits=16)) == pytest.approx(whole[:, [0, min(1, channels - 1)]] / 32768.0)


@pytest.mark.parametrize("bits", [8, 16, 24, 32, 64])
@pytest.mark.parametrize("channels", [1, 2, 3, 6])
def test_whole_numbers_of_every_width_are_heard(tmp_path, channels: int, bits: int) -> None:
    pcm = (0.2 * RNG.standard_normal((4800, channels))).astype(np.float64).clip(-0.99, 0.99)
    whole = (pcm * 2.0 ** (bits - 1)).astype("<i8")
    found = heard(tmp_path, wav(whole, bits=bits))
    assert found == pytest.approx(pcm[:, [0, min(1, channels - 1)]].astype(np.float32), abs=2.0 ** (1 - bits) + 1e-6)


@pytest.mark.parametrize("layout", ["mono", "stereo", "3 channels", "5.1"])
@pytest.mark.parametrize("form", ["u8", "u8p", "s16p", "s32p", "s64", "s64p", "fltp", "dblp"])
def test_every_form_of_samples_is_heard(layout: str, form: str) -> None:
    """Some that no WAV file has: as decoders give them."""
    frame = av.AudioFrame(format=form, layout=layout, samples=4800)
    frame.sample_rate = SAMPLE_RATE
    for plane in frame.planes:
        plane.update(bytes([128 if form.startswith("u8") else 0]) * plane.buffer_size)
    resampled = _Resampled(SoundFaults())
    pcm = np.concatenate([*resampled.take(frame), *resampled.rest()])
    assert pcm.shape == (4800, 2)
    assert not pcm.any()


def test_channels_with_a_layout_are_mixed_down(tmp_path) -> None:
    """5.1: the centre goes to both sides."""
    pcm = np.zeros((4800, 6), np.float32)
    pcm[:, 2] = tone(0.1)[:, 0]
    found = heard(tmp_path, wav(pcm, mask=0x3F))
    assert np.array_equal(found[:, 0], found[:, 1])
    assert np.abs(found).max() > 0.15


def test_speakers_that_nobody_can_mix_are_the_first_two(tmp_path) -> None:
    pcm = (0.2 * RNG.standard_normal((4800, 3))).astype(np.float32)
    found = heard(tmp_path, wav(pcm, mask=0x11400))  # three of the ceiling
    assert found.shape == (4800, 2)
    assert np.abs(found).max() > 0.1


@pytest.mark.parametrize("rate", [0, 1, 8, 2_000_000_000, 0xFFFFFFFF])
def test_a_rate_that_no_sound_has_is_refused_in_a_line(tmp_path, rate: int) -> None:
    before = metrics.peak_rss_mb()
    with pytest.raises(UserError):
        heard(tmp_path, wav(tone(0.1), rate))
    assert metrics.peak_rss_mb() < before + 200


def test_no_samples_are_no_sound(tmp_path) -> None:
    with pytest.raises(UserError, match="no sound"):
        heard(tmp_path, wav(tone(0.0)))


@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("rate", [44_100, 48_000])
def test_what_is_no_sound_is_silence_sample_by_sample(tmp_path, caplog, bits: int, rate: int) -> None:
    pcm = tone(1.0, rate).astype(np.float64)
    clean = pcm.copy()
    for at, value in ((10_000, np.nan), (10_001, -np.inf), (20_000, np.inf), (30_000, 1e300 if bits == 64 else 1e30)):
        pcm[at, at % 2], clean[at, at % 2] = value, 0.0
    faults = SoundFaults()
    found = heard(tmp_path, wav(pcm, rate, bits=bits), faults)
    assert faults.broken == 4
    assert "4 samples are no sound" in faults.lines()[0]
    assert np.array_equal(found, heard(tmp_path, wav(clean, rate, bits=bits)))
    with caplog.at_level(logging.WARNING):
        heard(tmp_path, wav(pcm, rate, bits=bits))
    assert "4 samples are no sound" in caplog.text


def test_only_what_is_in_the_part_is_counted(tmp_path) -> None:
    pcm = tone(2.0)
    pcm[100:200] = np.nan
    (tmp_path / "a.wav").write_bytes(wav(pcm))
    faults = SoundFaults()
    for _ in stream_audio(tmp_path / "a.wav", SAMPLE_RATE, faults):
        pass
    assert faults.broken == 0


def tag(frame: bytes, body: bytes) -> bytes:
    """Return an ID3v2.3 tag with one frame."""
    inner = frame + struct.pack(">I", len(body)) + b"\0\0" + body
    size = bytes((len(inner) >> shift) & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3\x03\0\0" + size + inner


COVER = tag(b"APIC", b"\0image/jpeg\0\3\0" + RNG.integers(0, 256, 2_000_000, np.uint8).tobytes())
JUNK = {
    "cover": COVER,
    "two covers": COVER * 2,
    "no text": tag(b"TIT2", b"\0\xff\xfe\x80\x81"),
    "bytes": RNG.integers(0, 256, 70_000, np.uint8).tobytes(),
    "many bytes": RNG.integers(0, 256, 1_500_000, np.uint8).tobytes(),
    "zeros": bytes(100_000),
    "text": b"HTTP/1.1 200 OK\r\nContent-Type: audio/x\r\n\r\n" * 40,
}


@pytest.mark.parametrize("junk", JUNK)
@pytest.mark.parametrize("kind", ["mp3", "flac", "ogg", "wav"])
def test_junk_before_the_music_is_passed_over(tmp_path, junk: str, kind: str) -> None:
    codec = {"mp3": "libmp3lame", "flac": "flac", "ogg": "libopus"}.get(kind, "")
    music = encoded(tmp_path, codec, kind, 48_000, "stereo", 20.0) if codec else wav(tone(20.0), bits=16)
    pcm = heard(tmp_path, JUNK[junk] + music)
    assert len(pcm) / SAMPLE_RATE == pytest.approx(20.0, abs=0.2)
    is_tone(pcm[SAMPLE_RATE // 2 :])


def test_a_tag_that_lies_about_its_length_is_no_reason_to_hear_nothing(tmp_path) -> None:
    music = encoded(tmp_path, "libmp3lame", "mp3", 44_100, "stereo", 10.0)
    assert len(heard(tmp_path, b"ID3\x03\0\0\x7f\x7f\x7f\x7f" + music)) > 9 * SAMPLE_RATE


@pytest.mark.parametrize("name", ["song.mp3", "song.wav", "song.txt", "song"])
def test_a_name_says_nothing_about_what_is_inside(tmp_path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(encoded(tmp_path, "flac", "flac", 48_000, "stereo"))
    is_tone(load_audio(path))


def bomb(side: int) -> bytes:
    """Return a PNG of `side` x `side` black pixels."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    packer = zlib.compressobj(9)
    rows = b"".join(packer.compress(bytes(1 + 3 * side)) for _ in range(side)) + packer.flush()
    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def test_a_cover_is_never_unpacked(tmp_path) -> None:
    """Decoded to learn its size it would take 430 MB."""
    picture = bomb(12_000)
    about = (
        struct.pack(">I", 3) + struct.pack(">I", 9) + b"image/png" + bytes(4) + struct.pack(">IIII", 12_000, 12_000, 24, 0)
    )
    block = about + struct.pack(">I", len(picture)) + picture
    whole = encoded(tmp_path, "flac", "flac", 48_000, "stereo")
    path = tmp_path / "cover.flac"
    path.write_bytes(whole[:42] + b"\6" + len(block).to_bytes(3, "big") + block + whole[42:])
    before = metrics.peak_rss_mb()
    is_tone(load_audio(path))
    assert metrics.peak_rss_mb() < before + 150


def test_what_is_no_sound_at_all_is_refused_in_a_line(tmp_path) -> None:
    for content in (
        b"",
        b"#!/bin/sh\nrm -rf\n",
        b"#EXTM3U\n/etc/passwd\n",
        Path(sys.executable).read_bytes()[:4_000_000],
        bomb(16),
    ):
        with pytest.raises(UserError) as refused:
            heard(tmp_path, content)
        assert "\n" not in refused.value.line()
        assert "Errno" not in refused.value.line()


def test_ends_and_beginnings_are_bytes(tmp_path) -> None:
    path = tmp_path / "x"
    music = wav(tone(0.1))
    path.write_bytes(JUNK["no text"] + b"abc" + music)
    with path.open("rb") as file:
        at = after_tags(file)
        assert at == len(JUNK["no text"])
        assert after_junk(file, at) == at + 3
    path.write_bytes(b"nothing " * 1000)
    with path.open("rb") as file:
        assert after_tags(file) == 0
        assert after_junk(file, 0) is None
