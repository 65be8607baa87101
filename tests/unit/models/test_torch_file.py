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

from phosphene.engine.core import clock  # noqa: E402
from phosphene.engine.core.errors import UserError  # noqa: E402
from phosphene.engine.models.torch_file import read_torch  # noqa: E402

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


def refused_by(tmp_path: Path, data: bytes) -> BaseException | None:
    """Return what was behind the refusal of a file."""
    (tmp_path / "x.pt").write_bytes(data)
    with pytest.raises(UserError) as caught:
        read_torch(tmp_path / "x.pt", MOST)
    return caught.value.__cause__


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


def twice(wrap: bytes, levels: int) -> bytes:
    """Opcodes of a thing that holds the same thing twice, and so on: of a level a dozen bytes."""
    return b"N" + b"".join(b"q" + bytes([n]) + b"h" + bytes([n]) + wrap for n in range(levels))


TUPLES = twice(b"\x86", 40)  # 2^40 of them, were they written out or hashed
LISTS = b"]q\x00" + b"".join(b"](h%ch%ceq%c" % (n, n, n + 1) for n in range(40))  # the same, left in the memo as 40
GROWN = b"".join(b"]q" + bytes([n]) for n in range(41)) + b"".join(b"h%c(h%ch%ce" % (n, n + 1, n + 1) for n in range(40))
TABLE, ENCODED = b"ccollections\nOrderedDict\n", b"c_codecs\nencode\n"
MERSENNE = 2**61 - 1  # numbers that are as much apart have one hash in Python
COLLIDING = b"".join(  # tuples of -1 and -2, which have one hash in Python, and nothing behind each
    b"(" + b"".join(b"J%b" % (-1 - (n >> bit & 1)).to_bytes(4, "little", signed=True) for bit in range(12)) + b"tN"
    for n in range(4096)
)


def storage(what: bytes = b"U\x07storage", key: bytes = b"K\x00", place: bytes = b"U\x03cpu", count: int = 5) -> bytes:
    """Opcodes of a storage, but for the last."""
    return b"(" + what + b"ctorch\nFloatStorage\n" + key + place + b"K%ct" % count


MUCH = {
    "key of a storage": storage(key=TUPLES) + b"Q.",
    "key of a storage, a list": LISTS + storage(key=b"h\x28") + b"Q.",
    "kind of a storage": storage(what=TUPLES) + b"Q.",
    "place of a storage": storage(place=TUPLES) + b"Q.",
    "view of a storage": storage()[:-1] + b"(" + TUPLES + b"K\x00K\x01ttQ.",
    "key of a table": b"}" + TUPLES + b"Ns.",
    "keys of a table": b"}(" + TUPLES + b"Nu.",
    "key of an ordered table": TABLE + b")R" + TUPLES + b"Ns.",
    "state": TABLE + b")R](" + TUPLES + b"K\x01\x86eb.",
    "set": b"c__builtin__\nset\n](" + TUPLES + b"e\x85R.",
    "argument": b"ctorch.serialization\n_get_layout\n" + TUPLES + b"\x85R.",
    "opcode of a set": b"\x8f(" + TUPLES + b"\x90.",
    "opcode of a frozen set": b"(" + TUPLES + b"\x91.",
    "called list": LISTS + b")R.",
    "called table": LISTS + TABLE + b")RX\x01\0\0\0ah\x28s)R.",
    "state of a parameter": LISTS + b"ctorch._utils\n_rebuild_parameter_with_state\n(NNNh\x28NN\x87tR.",
    "filled from the outside": GROWN + b"h\x00)R.",
    "in itself": b"]q\x00h\x00a.",
    "deep key": b"}N" + b"\x85" * 1_000_000 + b"Ns.",
    "one hash in a set": b"c__builtin__\nset\n](" + COLLIDING + b"e\x85R.",
    "one hash in a table": b"}(" + COLLIDING + b"u.",
    "one hash of numbers": b"}("
    + b"".join(b"\x8a\x0b%bN" % (n * MERSENNE).to_bytes(11, "little") for n in range(9, 4009))
    + b"u.",
    "state of an old tensor": b"ctorch\nFloatTensor\n)R(" + storage() + b"QK\x00J\x00\x00\x00\x40\x85K\x01\x85tb.",
    "reserved bytes": b"c__builtin__\nbytearray\nJ\x00\x00\x00\x7f\x85R.",
    "reserved tensor": b"ctorch\nFloatTensor\nJ\x00\x00\x00\x7f\x85R.",
    "coded bytes": ENCODED * 41 + b"X\x01\0\0\0aX\x06\0\0\0latin1\x86R" + b"X\x03\0\0\0hex\x86R" * 40 + b".",
}


@pytest.mark.parametrize("payload", MUCH.values(), ids=MUCH)
def test_what_stands_for_much_more_than_it_is_costs_nothing(tmp_path: Path, payload: bytes) -> None:
    for data in (b"\x80\x02" + payload, patched(bytes_of({}), lambda _: b"\x80\x02" + payload)):
        began = clock.now()
        assert len(refusal(tmp_path, data)) < 1000
        assert clock.now() - began < 10.0, "s; each of these would take hours, gigabytes, or the process"


def test_keys_that_programs_use_pass(tmp_path: Path) -> None:
    made = {"a": 1, 2: 3, -(2**40): 1, 0.5: 1, None: 1, ("encoder", 3): 1, (0, (1, "x")): 1, torch.float32: 1, b"x": 1}
    made |= {torch.Size((1, 2)): 1, "more": collections.Counter("abca"), "set": {1, "x", (2, 3)}}
    made |= {
        "bytes": bytearray(b"\xff"),
        "shared": [made["more"], [0.9, 0.999]] * 2,
        "sizes": [torch.Size((3, n)) for n in range(5000)],
    }
    made["many"] = {f"layer.{n}": {"betas": (0.9, 0.999), "step": n} for n in range(5000)}
    (tmp_path / "x.pt").write_bytes(bytes_of(made))
    assert read_torch(tmp_path / "x.pt", MOST) == made


def test_a_storage_that_says_two_sizes(tmp_path: Path) -> None:
    two = storage() + b"Q" + storage(count=4) + b"Q\x86."
    assert "two sizes" in str(refused_by(tmp_path, patched(bytes_of([torch.zeros(5)]), lambda _: b"\x80\x02" + two)))


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
    from phosphene.engine.models.checkpoint import read_checkpoint

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
