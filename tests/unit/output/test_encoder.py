"""The choice of the encoder: what was wished for, what the machine can do, and why others were refused.

Encoders of other machines are played by a stand-in for libav, which notes what it is asked and answers as their drivers do.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import pytest

from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Size
from phosphene.engine.output import encoder
from phosphene.engine.output.encoder import H264, amf, nvenc_refusal, pick_h264, qsv, refusal, x264
from phosphene.engine.output.muxer import Muxer

HD, RATE = Size(1280, 720), Fraction(60)


class Libav:
    """libav on a machine with these encoders. drivers: name -> what opening does; one that is not there is not built in.

    An answer is called with the options. It raises, or returns the packets for one picture.
    """

    def __init__(self, drivers: dict[str, Callable[[dict[str, str]], list[bytes]]]) -> None:
        self.opened: list[tuple[str, Size, str, dict[str, str]]] = []
        libav = self

        class Context:
            width = height = 0
            pix_fmt = ""
            time_base = framerate = Fraction(0)

            def __init__(self, name: str) -> None:
                self.name, self.options = name, {}

            @staticmethod
            def create(name: str, mode: str) -> Context:
                assert mode == "w"
                if name not in drivers:
                    raise av.codec.codec.UnknownCodecError(name)
                return Context(name)

            def open(self) -> None:
                assert self.time_base == 1 / self.framerate
                libav.opened.append((self.name, Size(self.width, self.height), self.pix_fmt, self.options))
                self.packets = drivers[self.name](self.options)

            def encode(self, picture: Any) -> list[SimpleNamespace]:
                assert picture is None or (picture.width, picture.format.name) == (self.width, self.pix_fmt)
                return [] if picture else [SimpleNamespace(size=len(packet)) for packet in self.packets]

        self.module = SimpleNamespace(
            CodecContext=Context, VideoFrame=av.VideoFrame, codec=av.codec, FFmpegError=av.FFmpegError
        )


@pytest.fixture(name="machine")
def _machine(monkeypatch: pytest.MonkeyPatch):
    def make(platform: str, **drivers: Any) -> Libav:
        libav = Libav({f"h264_{name}": answer for name, answer in drivers.items()})
        monkeypatch.setattr(encoder, "av", libav.module)
        monkeypatch.setattr(encoder.sys, "platform", platform)
        return libav

    encoder.nvenc_refusal.cache_clear()
    encoder._refusal.cache_clear()
    yield make
    monkeypatch.undo()
    encoder.nvenc_refusal.cache_clear()
    encoder._refusal.cache_clear()


def works(options: dict[str, str]) -> list[bytes]:
    return [b"picture"]


def silent(options: dict[str, str]) -> list[bytes]:
    return []


def missing(driver: str) -> Callable[[dict[str, str]], list[bytes]]:
    def answer(options: dict[str, str]) -> list[bytes]:
        raise av.error.ExternalError(1, "Generic error in an external library", "", (16, "h264", f"no {driver}\n"))

    return answer


def rates_only(options: dict[str, str]) -> list[bytes]:
    """Apple's encoder in an Intel Mac."""
    if "qscale" in options.get("flags", ""):
        raise av.error.ExternalError(1, "-q:v qscale not available", "")
    return [b"picture"]


def test_windows_tries_nvidia_then_intel_then_amd_and_keeps_the_reasons(machine) -> None:
    libav = machine("win32", nvenc=missing("nvcuda.dll"), qsv=missing("MFX session"), amf=works)
    chosen = pick_h264("auto", HD, RATE)
    assert [name for name, *_ in libav.opened] == ["h264_nvenc", "h264_qsv", "h264_amf"]
    assert chosen.name == "h264_amf"
    assert chosen.refused == (("nvenc", "no nvcuda.dll"), ("qsv", "no MFX session"))
    assert chosen.line() == "h264_amf; nvenc refused: no nvcuda.dll; qsv refused: no MFX session"


def test_the_first_that_encodes_is_taken_and_the_others_are_left_alone(machine) -> None:
    libav = machine("win32", nvenc=missing("nvcuda.dll"), qsv=works, amf=works)
    assert pick_h264("auto", HD, RATE).name == "h264_qsv"
    assert [name for name, *_ in libav.opened] == ["h264_nvenc", "h264_qsv"]


def test_an_encoder_is_tried_at_the_size_of_the_recording_in_its_own_pixels(machine) -> None:
    libav = machine("win32", qsv=works)
    pick_h264("auto", HD, RATE)
    assert [(size, pixels) for _, size, pixels, _ in libav.opened] == [(HD, "nv12")]


def test_one_that_opens_and_gives_no_packet_is_not_trusted(machine) -> None:
    machine("win32", nvenc=silent, qsv=silent, amf=silent)
    chosen = pick_h264("auto", HD, RATE)
    assert chosen.name == "libx264"
    assert [name for name, _ in chosen.refused] == ["nvenc", "qsv", "amf"]
    assert {why for _, why in chosen.refused} == {"it gave no packet for a picture"}


def test_apple_silicon_has_a_quality_and_intel_macs_a_bit_rate(machine) -> None:
    machine("darwin", videotoolbox=works)
    assert dict(pick_h264("auto", HD, RATE).options)["flags"] == "+qscale"
    encoder._refusal.cache_clear()
    machine("darwin", videotoolbox=rates_only)
    chosen = pick_h264("auto", HD, RATE)
    assert chosen.name == "h264_videotoolbox"
    assert 8e6 < float(dict(chosen.options)["b"]) < 14e6
    assert chosen.refused == (("videotoolbox", "-q:v qscale not available"),)


def test_linux_asks_neither_amd_nor_apple(machine) -> None:
    machine("linux", amf=works, videotoolbox=works)
    chosen = pick_h264("auto", HD, RATE)
    assert chosen.name == "libx264"
    assert chosen.refused == (("nvenc", "the libav here is built without it"), ("qsv", "the libav here is built without it"))


def test_the_machine_is_asked_once_for_a_size(machine) -> None:
    libav = machine("win32", qsv=works)
    for size in (HD, HD, Size(640, 360)):
        pick_h264("auto", size, RATE)
    assert [size for _, size, *_ in libav.opened] == [HD, Size(640, 360)]


def test_nvenc_is_asked_again_for_a_picture_beyond_its_usual_limit(machine) -> None:
    libav = machine("linux", nvenc=works)
    assert pick_h264("auto", Size(4096, 2160), RATE).name == "h264_nvenc"
    assert [size for _, size, *_ in libav.opened] == [Size(256, 144)]
    pick_h264("auto", Size(7680, 4320), RATE)
    assert [size for _, size, *_ in libav.opened] == [Size(256, 144), Size(7680, 4320)]


def test_a_wish_that_cannot_be_had_is_refused_with_its_reason(machine) -> None:
    machine("win32", amf=missing("amfrt64.dll"))
    with pytest.raises(UserError, match=r"the encoder amf does not open.*no amfrt64\.dll"):
        pick_h264("amf", HD, RATE)


def test_this_machine_takes_what_opens_and_says_why_not_the_others() -> None:
    chosen = pick_h264("auto", Size(640, 360), Fraction(24))
    names = [f"h264_{name}" for name in encoder.hardware()]
    if chosen.name == "libx264":
        assert [name for name, _ in chosen.refused] == list(encoder.hardware())
        assert all(why for _, why in chosen.refused)
        assert chosen.refused[0] == ("nvenc", nvenc_refusal())
    else:
        assert names.index(chosen.name) == len(chosen.refused)


@pytest.mark.parametrize("hardware", [qsv(19), amf(19)], ids=lambda each: each.name)
def test_libav_knows_the_values_of_all_options(hardware: H264) -> None:
    context = av.CodecContext.create(hardware.name, "w")
    context.width, context.height, context.pix_fmt, context.time_base = 256, 144, "nv12", Fraction(1, 30)
    context.options = dict(hardware.options)
    refused: Exception | None = None
    try:
        context.open()
    except av.FFmpegError as error:
        refused = error
    # Without the hardware it fails, but later than at a value that is not allowed.
    assert not isinstance(refused, av.error.ArgumentError), refused


def test_no_choice_lets_the_encoder_hold_frames_back() -> None:
    for size in (Size(320, 180), Size(7680, 4320)):
        assert ("tune", "zerolatency") in pick_h264("x264", size, Fraction(60)).options
    for hardware in (qsv(19), amf(19), encoder.nvenc(19), encoder.videotoolbox(19), encoder.videotoolbox_rate(HD, RATE)):
        assert ("bf", "0") in hardware.options
    for hardware in (qsv(19), amf(19)):
        assert ("async_depth", "1") in hardware.options


def test_a_better_quality_is_asked_for_in_the_right_direction() -> None:
    def number(of: H264, key: str) -> int:
        return int(dict(of.options)[key])

    assert number(qsv(15), "global_quality") < number(qsv(25), "global_quality")
    assert number(amf(15), "qp_p") < number(amf(25), "qp_p")
    assert number(encoder.videotoolbox(15), "global_quality") > number(encoder.videotoolbox(25), "global_quality")
    assert 118 <= number(encoder.videotoolbox(51), "global_quality") < number(encoder.videotoolbox(0), "global_quality")
    assert number(encoder.videotoolbox(0), "global_quality") <= 100 * 118


def test_a_picture_too_large_for_the_cores_gets_the_cheaper_preset() -> None:
    assert ("preset", "superfast") in pick_h264("x264", Size(320, 180), Fraction(24)).options
    assert ("preset", "ultrafast") in pick_h264("x264", Size(7680, 4320), Fraction(240)).options


def test_an_unknown_wish_lists_the_known_ones() -> None:
    with pytest.raises(UserError, match="auto, nvenc, qsv, amf, videotoolbox, x264"):
        pick_h264("av1", Size(320, 180), Fraction(24))


def test_a_real_encoder_passes_the_trial_and_one_with_a_wrong_option_does_not() -> None:
    assert refusal(x264("ultrafast", 19), Size(640, 360), Fraction(30)) == ""
    wrong = H264("libx264", (("aq-mode", "no-such"),))
    assert refusal(wrong, Size(640, 360), Fraction(30)) == "Invalid argument"


def test_a_recording_in_the_pixels_of_the_hardware_has_the_same_colours(tmp_path: Path) -> None:
    picture = np.zeros((144, 256, 4), np.uint8)
    picture[:, :128], picture[:, 128:] = (220, 40, 90, 255), (10, 160, 230, 255)
    decoded = []
    for pixels in ("yuv420p", "nv12"):
        software = x264("ultrafast", 10)
        muxer = Muxer(
            tmp_path / f"{pixels}.mp4", Size(256, 144), 30, codec=H264(software.name, software.options, (), pixels)
        )
        for _ in range(3):
            muxer.video(picture)
        path = muxer.close()
        assert path is not None
        with av.open(str(path)) as film:
            decoded.append(next(film.decode(video=0)).to_ndarray(format="rgb24"))
    np.testing.assert_array_equal(decoded[0], decoded[1])
    np.testing.assert_allclose(decoded[1][72, 40], (220, 40, 90), atol=6)
