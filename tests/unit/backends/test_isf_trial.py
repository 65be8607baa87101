"""Shaders are tried in a process beside us: those that hang, die or paint no numbers never come back into this one."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from phosphene.engine.backends import isf_trial
from phosphene.engine.backends.isf import IsfBackend
from phosphene.engine.backends.isf_trial import proven, recalled, remember, try_shaders
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Size
from phosphene.engine.library.shader_lint import lint_shaders
from phosphene.engine.models.isf import read_isf
from phosphene.engine.models.style import load_style

pytestmark = pytest.mark.gl
FINE = "void main() { gl_FragColor = vec4(isf_FragNormCoord, fract(TIME), 1.0); }"
# The bound is what no compiler knows, and the sum is used: nothing of it can be left out.
ENDLESS = """void main() {
    float sum = 0.0;
    for (int i = 0; i >= 0; i = (i + 1) % 1000) sum += sin(sum + float(i) + TIME);
    gl_FragColor = vec4(sum);
}"""


@pytest.fixture(autouse=True)
def own_cache(gl: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHOSPHENE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PHOSPHENE_SHADERS", str(tmp_path))


def write(folder: Path, name: str, body: str, **header) -> Path:
    path = folder / f"{name}.fs"
    path.write_text(f"/*{json.dumps({'INPUTS': []} | header)}*/\n{body}")
    return path


def test_one_that_hangs_costs_only_itself(tmp_path: Path) -> None:
    files = [write(tmp_path, "first", FINE), write(tmp_path, "hangs", ENDLESS), write(tmp_path, "last", FINE)]
    found = list(try_shaders(files, thorough=False, limit_s=3.0))
    assert [path for path, _, _ in found] == files
    first, hangs, last = (verdict for _, verdict, _ in found)
    assert first.ok
    assert last.ok
    assert not hangs.ok
    assert "within 3 s" in hangs.reason
    assert "loop" in hangs.remedy


def test_what_hangs_is_in_quarantine_by_its_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isf_trial, "LIMIT_S", 3.0)
    monkeypatch.setattr(isf_trial.try_shaders, "__kwdefaults__", {"limit_s": 3.0})
    isf = read_isf(write(tmp_path, "hangs", ENDLESS))
    assert not proven(isf, "llvmpipe").ok
    monkeypatch.setattr(isf_trial, "try_shaders", None)  # whoever tries it again fails
    write(tmp_path, "renamed", ENDLESS)
    with pytest.raises(UserError, match="first frames"):
        IsfBackend("llvmpipe").open(load_style("shader:renamed"), Size(64, 36))
    with pytest.raises(UserError, match="first frames"):
        IsfBackend("another renderer").open(load_style("shader:renamed"), Size(64, 36))


def test_what_is_sound_is_tried_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "fine", FINE)
    ready = IsfBackend("llvmpipe").open(load_style("shader:fine"), Size(64, 36))
    assert ready.isf.name == "fine"
    monkeypatch.setattr(isf_trial, "try_shaders", None)
    assert IsfBackend("llvmpipe").open(load_style("shader:fine"), Size(64, 36)).isf == ready.isf
    assert recalled(ready.isf, "another renderer") is None


def test_lint_takes_out_of_quarantine_what_is_sound(tmp_path: Path) -> None:
    path = write(tmp_path, "fine", FINE)
    isf = read_isf(path)
    remember(isf, isf_trial.Verdict(False, "it hung on an older driver"), "old")
    assert not proven(isf, "new").ok
    (linted,) = lint_shaders([path])
    assert linted.verdict.ok
    assert proven(isf, linted.renderer).ok


def test_a_memory_that_is_damaged_is_none(tmp_path: Path) -> None:
    isf = read_isf(write(tmp_path, "fine", FINE))
    remember(isf, isf_trial.Verdict(True), "here")
    (kept,) = (tmp_path / "cache" / "shaders").iterdir()
    assert recalled(isf, "here") is not None
    for junk in (b"", b"[]", b'{"verdict": {"nonsense": 1}}', b"\xff\xfe\x00"):
        kept.write_bytes(junk)
        assert recalled(isf, "here") is None


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("void main() { gl_FragColor = vec4(sqrt(-1.0 - TIME)); }", "is no number"),
        ("void main() { gl_FragColor = vec4(1.0) }", "does not compile"),
        ("void main() { gl_FragColor = vec4(elsewhere()); }", "does not compile"),
        ("float TIME;\nvoid main() { gl_FragColor = vec4(TIME); }", "does not compile"),
        ("#error never\nvoid main() {}", "does not compile"),
        ("float f(float x);\nvoid main() { gl_FragColor = vec4(f(1.0)); }", "does not link"),
        ("", "does not"),
    ],
)
def test_what_cannot_be_shown_is_refused_with_a_reason(tmp_path: Path, body: str, said: str) -> None:
    path = write(tmp_path, "one", body)
    ((_, verdict, _),) = try_shaders([path], thorough=False)
    assert not verdict.ok
    assert said in verdict.reason
    assert str(path) in verdict.where
    assert verdict.remedy


def test_each_input_is_tried(tmp_path: Path) -> None:
    inputs = [
        {"NAME": "seen", "TYPE": "float", "DEFAULT": 0.2},
        {"NAME": "unseen", "TYPE": "float"},
        {"NAME": "go", "TYPE": "event"},
        {"NAME": "amount", "TYPE": "float", "DEFAULT": 0.0},
        {"NAME": "behind", "TYPE": "color"},
        {"NAME": "inputImage", "TYPE": "image"},
        {"NAME": "sound", "TYPE": "audioFFT"},
    ]
    body = """void main() {
        vec4 plain = vec4(seen, go ? 1.0 : 0.0, IMG_NORM_PIXEL(sound, isf_FragNormCoord).r, 1.0);
        plain += 0.2 * IMG_THIS_PIXEL(inputImage);
        gl_FragColor = mix(plain, behind, amount);
    }"""
    (linted,) = lint_shaders([write(tmp_path, "one", body, INPUTS=inputs)])
    assert linted.verdict.ok
    assert [name for name, answers in linted.verdict.answers.items() if not answers] == ["unseen"]
    assert "unseen" in " ".join(linted.verdict.notes)
    told = linted.told()
    assert told["kind"] == "effect"
    assert [each["name"] for each in told["inputs"] if not each["answers"]] == ["unseen"]


def test_alpha_that_an_author_forgot(tmp_path: Path) -> None:
    body = "void main() { gl_FragColor = vec4(isf_FragNormCoord, 0.0, 0.0); }"
    ((_, verdict, _),) = try_shaders([write(tmp_path, "one", body)], thorough=False)
    assert verdict.ok
    assert verdict.opaque


def test_some_pixels_that_are_no_numbers_are_told_of(tmp_path: Path) -> None:
    body = "void main() { gl_FragColor = vec4(vec3(sqrt(isf_FragNormCoord.x - 0.25)), 1.0); }"
    ((_, verdict, _),) = try_shaders([write(tmp_path, "one", body)], thorough=False)
    assert verdict.ok
    assert 0.2 < verdict.bad < 0.3


def test_a_file_that_cannot_be_read_is_among_the_others(tmp_path: Path) -> None:
    junk = tmp_path / "junk.fs"
    junk.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)))
    fine = write(tmp_path, "zfine", FINE)
    first, second = lint_shaders([junk, fine])
    assert (first.verdict.ok, second.verdict.ok) == (False, True)
    assert first.told()["reason"]
    assert second.path == fine


def test_macros_that_expand_without_end_take_no_more_than_their_time_and_memory(tmp_path: Path) -> None:
    steps = "\n".join(f"#define a{n} {f'a{n - 1} ' * 16}" for n in range(1, 16))
    body = f"#define a0 x += 1.0;\n{steps}\nvoid main() {{ float x = 0.0; a15 gl_FragColor = vec4(x); }}"
    files = [write(tmp_path, "bomb", body), write(tmp_path, "last", FINE)]
    found = [verdict for _, verdict, _ in try_shaders(files, thorough=False, limit_s=8.0)]
    assert [verdict.ok for verdict in found] == [False, True]
    assert "memory" in found[0].reason or "within 8 s" in found[0].reason


def test_a_process_that_dies_costs_only_the_shader_it_died_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in that ends at one file, as a process does that a driver brings down."""
    stand_in = tmp_path / "worker.py"
    stand_in.write_text(
        """import json, os, sys
order = json.loads(sys.argv[1])
print("a driver that prints")
print(json.dumps({"renderer": "stand-in"}), flush=True)
for file in order["files"]:
    print(json.dumps({"begin": file}), flush=True)
    if file.endswith("dies.fs"):
        os.abort()
    print(json.dumps({"path": file, "verdict": {"ok": True}}), flush=True)
    if file.endswith("after.fs"):
        os._exit(4)
"""
    )
    monkeypatch.setattr(isf_trial, "python_child", lambda module, order: [sys.executable, str(stand_in), order])
    files = [write(tmp_path, name, FINE) for name in ("one", "dies", "two", "after", "three")]
    found = list(try_shaders(files, thorough=False, limit_s=5.0))
    assert [path for path, _, _ in found] == files
    assert [verdict.ok for _, verdict, _ in found] == [True, False, True, True, True]
    assert "brings the driver down" in found[1][1].reason
    monkeypatch.setattr(isf_trial, "python_child", lambda module, order: [sys.executable, "-c", "raise SystemExit(1)"])
    with pytest.raises(UserError, match="cannot be tried"):
        list(try_shaders(files, thorough=False))
