"""Files of torch: what they ask for is known before torch allocates it, and what torch really saves passes."""

from __future__ import annotations

import collections
import contextlib
import io
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from engine.core.errors import UserError  # noqa: E402
from engine.models.torch_file import read_torch  # noqa: E402

MOST = 8 << 20


def bytes_of(value: object, *, old: bool = False) -> bytes:
    data = io.BytesIO()
    torch.save(value, data, _use_new_zipfile_serialization=not old)
    return data.getvalue()


def patched(data: bytes, change) -> bytes:
    """Return a zip of torch's with its pickle changed."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as before, zipfile.ZipFile(out, "w") as after:
        for entry in before.infolist():
            content = before.read(entry)
            after.writestr(entry.filename, change(content) if entry.filename.endswith("data.pkl") else content)
    return out.getvalue()


def refusal(tmp_path: Path, data: bytes) -> str:
    (tmp_path / "x.pt").write_bytes(data)
    with pytest.raises(UserError) as caught:
        read_torch(tmp_path / "x.pt", MOST)
    return caught.value.line()


EVERYTHING = {
    "model": collections.OrderedDict(a=torch.zeros(3, 4), b=torch.zeros(3, dtype=torch.float64), c=torch.tensor(7)),
    "view": torch.arange(100)[10:50:2].reshape(4, 5).t(),
    "spread": torch.zeros(1).expand(10**9),
    "empty": torch.zeros(0, 5),
    "kinds": [torch.zeros(2, dtype=kind) for kind in (torch.float16, torch.bfloat16, torch.uint8, torch.bool)],
    "parameter": torch.nn.Parameter(torch.ones(2)),
    "plain": {"text": "x" * 1000, "none": None, "numbers": [1, 2.5, -(2**60), True], "tuple": (1, (2, (3,)))},
    "rng": torch.get_rng_state(),
}  # fmt: skip


@pytest.mark.parametrize("old", [False, True])
def test_what_trainers_save_passes(tmp_path: Path, old: bool) -> None:
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.GroupNorm(2, 8))
    optimiser = torch.optim.Adam(model.parameters())
    model(torch.zeros(1, 3, 8, 8)).mean().backward()
    optimiser.step()
    made = EVERYTHING | {"state": model.state_dict(), "optimiser": optimiser.state_dict()}
    (tmp_path / "x.pt").write_bytes(bytes_of(made, old=old))
    found = read_torch(tmp_path / "x.pt", MOST)
    assert torch.equal(found["view"], EVERYTHING["view"])
    assert found["plain"] == EVERYTHING["plain"]
    assert found["optimiser"]["state"].keys() == optimiser.state_dict()["state"].keys()


def test_a_storage_that_says_more_than_the_file_holds(tmp_path: Path) -> None:
    grown = lambda data: data.replace(b"K\x04tq\x09Q", b"J\x00\x00\x00\x40tq\x09Q")  # noqa: E731
    data = patched(bytes_of({"state_dict": {"a": torch.zeros(4)}}), grown)
    assert "more numbers than it holds" in refusal(tmp_path, data)


def test_an_old_file_whose_tensor_is_larger_than_its_numbers(tmp_path: Path) -> None:
    """torch enlarges the storage to what the tensor says: from 16 bytes to 4 GB."""
    data = bytes_of({"a": torch.zeros(4)}, old=True)
    size = b"K\x00K\x04\x85"
    assert size in data
    assert "larger than its numbers" in refusal(tmp_path, data.replace(size, b"K\x00J\x00\x00\x00\x40\x85"))
    assert "larger than its numbers" in refusal(tmp_path, data.replace(size, b"J\x00\x00\x00\x40K\x04\x85"))
    storage = data[: data.index(b"QK\x00")].rindex(b"K\x04")
    grown = data[:storage] + b"J\x00\x00\x00\x40" + data[storage + 2 :]
    assert "more numbers than it holds" in refusal(tmp_path, grown)
    assert "more numbers than it holds" in refusal(tmp_path, grown[: storage + 40]), "also where it is cut off"


def test_archives_that_unpack_to_gigabytes_or_hold_a_name_twice(tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x/data.pkl", pickle.dumps({}, 2))
        archive.writestr("x/data/0", bytes(100 << 20))
    assert len(out.getvalue()) < 200_000
    assert "too large when it is unpacked" in refusal(tmp_path, out.getvalue())
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("x/data.pkl", pickle.dumps({}, 2))
        archive.writestr("x/DATA.pkl", pickle.dumps({}, 2))
    assert "twice" in refusal(tmp_path, out.getvalue())


@pytest.mark.parametrize(
    "payload",
    [
        b"\x96" + (2**60).to_bytes(8, "little"),
        b"\x82\x01.",
        b"\x97.",
        b"(" * 100_000 + b".",
        b"0",
        b"}}}s.",
        b"\x93.",
        b"c\n\n.",
    ],
)
def test_odd_opcodes_are_no_checkpoint(tmp_path: Path, payload: bytes) -> None:
    for data in (b"\x80\x02" + payload, patched(bytes_of({}), lambda _: b"\x80\x02" + payload)):
        assert len(refusal(tmp_path, data)) < 1000


def test_a_text_that_stands_for_much_is_told_at_once(tmp_path: Path) -> None:
    """Lists within lists, each twice: 2^60 of them, were they written out."""
    much: list = ["x"]
    for _ in range(60):
        much = [much, much]
    (tmp_path / "x.pt").write_bytes(bytes_of({"cppn_config": much}))
    from engine.models.checkpoint import read_checkpoint

    with pytest.raises(UserError) as caught:
        read_checkpoint(tmp_path / "x.pt")
    assert len(caught.value.line()) < 1000


WHOLE = bytes_of({"a": torch.zeros(4), "b": [1, "x"]}), bytes_of({"a": torch.zeros(4), "b": [1, "x"]}, old=True)


@settings(max_examples=150, deadline=None)
@given(st.booleans(), st.integers(0, 2000), st.binary(min_size=1, max_size=6), st.booleans())
def test_any_damage_is_one_line(tmp_path_factory, old: bool, at: int, put: bytes, cut: bool) -> None:
    data = WHOLE[old]
    at %= len(data)
    path = tmp_path_factory.getbasetemp() / "damaged.pt"
    path.write_bytes(data[:at] + put + (b"" if cut else data[at + len(put) :]))
    with contextlib.suppress(UserError):
        read_torch(path, MOST)


def test_it_is_a_file_and_not_larger_than_it_may_be(tmp_path: Path) -> None:
    (tmp_path / "x.pt").write_bytes(np.zeros(MOST + 1, np.uint8).tobytes())
    assert "too large" in refusal(tmp_path, (tmp_path / "x.pt").read_bytes())
    with pytest.raises(UserError, match="no such"):
        read_torch(tmp_path / "none.pt", MOST)
