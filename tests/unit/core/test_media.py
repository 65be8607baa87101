"""Sound and film are opened as one file each: no name is a URL, no content opens another file, no format is a device."""

from __future__ import annotations

import os
import wave

import av
import numpy as np
import pytest

from phosphene.engine.core.errors import UserError
from phosphene.engine.core.media import open_media


@pytest.fixture
def tone(tmp_path):
    path = tmp_path / "tone.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 48_000, 0, "NONE", ""))
        file.writeframes((np.sin(np.arange(4800) / 20) * 9000).astype("<i2").tobytes())
    return path


def samples(path) -> int:
    with open_media(path) as container:
        return sum(frame.samples for frame in container.decode(audio=0))


@pytest.mark.parametrize("name", [b"Artist: Title.wav", b"http:x", b"100 %d.wav", b"-i.wav", b"a\nb.wav", b"no\xfftext.wav"])
def test_a_name_is_a_name(tone, name):
    odd = os.path.join(os.fsencode(tone.parent), name)
    os.rename(tone, odd)
    assert samples(os.fsdecode(odd)) == 4800


def test_a_relative_name_is_a_name_too(tone, monkeypatch):
    monkeypatch.chdir(tone.parent)
    tone.rename("Artist: Title.wav")
    assert samples("Artist: Title.wav") == 4800


LISTS = {
    "concat": "ffconcat version 1.0\nfile {}\n",
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:2,\n{}\n#EXT-X-ENDLIST\n",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n",
    "dash": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static">'
    '<Period><AdaptationSet mimeType="audio/wav"><Representation id="1" bandwidth="1"><BaseURL>{}</BaseURL>'
    "</Representation></AdaptationSet></Period></MPD>",
}


@pytest.mark.parametrize("kind", LISTS)
@pytest.mark.parametrize("absolute", [True, False])
def test_no_content_opens_another_file(tone, kind, absolute):
    path = tone.with_name("list.wav")
    path.write_text(LISTS[kind].format(tone if absolute else tone.name))
    with pytest.raises((UserError, av.FFmpegError)):
        samples(path)


@pytest.mark.parametrize("name", ["http://127.0.0.1:9/x.wav", "concat:tone.wav|tone.wav", "lavfi", "/dev/zero", "pipe:0"])
def test_no_name_is_a_protocol_or_a_device(tone, monkeypatch, name):
    monkeypatch.chdir(tone.parent)
    with pytest.raises(UserError):
        samples(name)
