"""The store of plans: which plan may run where, and that nothing damaged, foreign or half-written is ever taken."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from phosphene.engine.backends.onnx_graph import needed_full_layers
from phosphene.engine.backends.plans import (
    Header,
    Machine,
    PlanStore,
    is_for,
    is_kin,
    plan_key,
    read_header,
    recipe_of,
    sizes_of,
)
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Size
from phosphene.engine.models.cppn import CppnSpec, random_weights
from phosphene.engine.models.style import Network, Style, StyleMeta

HERE = Machine(tensorrt="11.4.0", gpu="NVIDIA RTX 4070", capability="8.9", driver="580.1 (CUDA 13.0)", system="Linux x86_64")
HD = Size(1280, 720)


def make_style(slug: str = "one", seed: int = 1, width: int = 16) -> Style:
    spec = CppnSpec(("x", "y", "bass"), width, 2, ("sin", "cos"))
    network = Network(inputs=spec.inputs, width=width, layers=2, activations=spec.activations)
    meta = StyleMeta(version=1, name=slug, kind="cppn", seed=seed, licence="CC0-1.0", network=network)
    return Style(slug, slug, "cppn", spec, random_weights(spec, seed, 0.3), meta)


@pytest.fixture
def store(tmp_path) -> PlanStore:
    return PlanStore(tmp_path / "plans")


def put(
    store: PlanStore, style: Style, machine: Machine = HERE, most: int = HD.pixels, plan: bytes = b"plan", refit: bool = True
) -> Header:
    recipe = recipe_of(style, 2304, most, 3)
    return store.save(style.slug, recipe, machine, plan, refit=refit, built="2026-11-25T20:00:00+01:00", seconds=12.3)


def test_a_plan_is_found_and_read_again(store):
    style, data = make_style(), np.random.default_rng(0).bytes(100_000)
    header = put(store, style, plan=data)
    assert store.find(style, HERE, HD) == header
    assert store.load(header) == data
    assert is_for(header, style)
    assert [path.name for path in store.folder.iterdir()] == [f"{header.key}.plan"]


@pytest.mark.parametrize("field", sorted(Machine.model_fields))
def test_whatever_differs_about_the_machine_makes_a_plan_foreign(store, field):
    style = make_style()
    header = put(store, style)
    other = HERE.model_copy(update={field: "other"})
    assert store.find(style, other, HD) is None
    assert plan_key(header.recipe, other) != header.key
    assert other.differences(HERE) == f"{field} {getattr(HERE, field)} instead of other"
    assert HERE.differences(HERE) == ""
    assert store.outgrown(style) == header


@pytest.mark.parametrize(
    "change", [{"level": 4}, {"pixels": (1, 2, 2)}, {"weights": "0"}, {"architecture": "0"}, {"full_layers": 2}]
)
def test_whatever_differs_about_the_recipe_makes_another_key(store, change):
    header = put(store, make_style())
    assert plan_key(header.recipe.model_copy(update=change), HERE) != header.key


def test_a_plan_must_be_large_enough_and_the_smallest_one_wins(store):
    style = make_style()
    large, small = put(store, style, most=HD.pixels), put(store, style, most=640 * 360)
    assert store.find(style, HERE, Size(640, 360)) == small
    assert store.find(style, HERE, Size(640, 361)) == large
    assert store.find(style, HERE, Size(1920, 1080)) is None


def test_another_style_of_the_architecture_may_be_refitted(store):
    one, two, wide = make_style("one", 1), make_style("two", 2), make_style("wide", 3, width=24)
    header = put(store, one)
    assert store.find(two, HERE, HD) == header
    assert is_kin(header, two)
    assert not is_for(header, two)
    assert store.find(wide, HERE, HD) is None
    own = put(store, two)
    assert store.find(two, HERE, HD) == own
    put(store, one, refit=False)
    store.discard(own)
    assert store.find(two, HERE, HD) is None
    assert store.find(one, HERE, HD) is not None


def test_weights_that_need_more_float32_are_not_put_into_a_plan_with_less(store):
    gentle, steep = make_style("gentle", 1), make_style("steep", 2)
    steep.weights[1] = (steep.weights[1][0] * np.float32(1e6), steep.weights[1][1])  # no half can hold that
    assert needed_full_layers(gentle) < needed_full_layers(steep)
    put(store, gentle)
    assert store.find(steep, HERE, HD) is None


def test_a_style_trained_again_has_outgrown_its_plan(store):
    header = put(store, make_style("one", 1), refit=False)
    again = make_style("one", 5)
    assert store.find(again, HERE, HD) is None
    assert store.outgrown(again) == header
    assert store.outgrown(make_style("never")) is None


def test_a_damaged_plan_is_none(store):
    style = make_style()
    header = put(store, style, plan=b"0123456789")
    path = store.path(header.key)
    whole = path.read_bytes()
    for damaged in (whole[:-1], whole[:-1] + b"x", whole + b"x", b"", whole[: len(whole) // 2]):
        path.write_bytes(damaged)
        assert store.load(header) is None
    path.write_bytes(b"\xff not a header\n" + whole)
    assert store.find(style, HERE, HD) is None
    path.unlink()
    assert store.load(header) is None
    assert store.headers() == []


def test_a_header_that_was_changed_or_renamed_is_none(store):
    header = put(store, make_style())
    path = store.path(header.key)
    other = path.with_name("0" * 64 + ".plan")
    path.rename(other)
    assert read_header(other) is None
    other.rename(path)
    assert read_header(path) == header
    path.write_bytes(path.read_bytes().replace(b"RTX 4070", b"RTX 5090"))
    assert read_header(path) is None


def test_a_reader_never_sees_half_a_plan(store):
    style = make_style()
    plans = [bytes([n]) * 300_000 for n in range(4)]
    header = put(store, style, plan=plans[0])
    wrong, seen = [], set()
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            found = read_header(store.path(header.key))
            data = None if found is None else store.load(found)
            if found is None or (data is not None and data not in plans):
                wrong.append(found)
            elif data:
                seen.add(data[0])

    reader = threading.Thread(target=read)
    reader.start()
    for n in range(60):
        put(store, style, plan=plans[n % 4])
    done.set()
    reader.join()
    assert wrong == []
    assert seen
    assert [path.suffix for path in store.folder.iterdir()] == [".plan"], "no temporary file stays"


def test_prune_keeps_what_this_machine_can_use(store):
    old = HERE.model_copy(update={"driver": "570"})
    mine, foreign = put(store, make_style("mine")), put(store, make_style("foreign"), old)
    broken = put(store, make_style("broken", 7))
    store.path(broken.key).write_bytes(store.path(broken.key).read_bytes()[:-1])
    leftover = store.folder / f".{mine.key}.plan.abc123"
    leftover.write_bytes(b"half")
    store.timing_cache(HERE).write_bytes(b"times")
    store.timing_cache(old).write_bytes(b"times")
    assert set(store.prune(None)) == {leftover, store.path(broken.key)}, "without a machine nothing is foreign"
    assert set(store.prune(HERE)) == {store.path(foreign.key), store.timing_cache(old)}
    assert store.headers() == [mine]
    assert set(store.prune(None, everything=True)) == {store.path(mine.key), store.timing_cache(HERE)}
    assert list(store.folder.iterdir()) == []


def test_a_store_that_is_not_there_is_empty(tmp_path):
    store = PlanStore(tmp_path / "none")
    assert store.headers() == []
    assert store.prune(HERE, everything=True) == []
    assert not (tmp_path / "none").exists()


def test_sizes():
    assert sizes_of(None, None) == (Size(64, 36), Size(1280, 720))
    assert sizes_of("1920x1080", None) == (Size(1920, 1080), Size(1920, 1080))
    assert sizes_of(None, "64x36..1920x1080") == (Size(64, 36), Size(1920, 1080))


@pytest.mark.parametrize(
    ("size", "sizes"),
    [
        ("1x1", "1x1..2x2"),
        ("big", None),
        (None, "64x36"),
        (None, "640x360..128x72"),
        ("64x36..128x72", None),
        (None, "64x36..99x99..640x360"),
        ("32x18", None),
    ],
)
def test_sizes_that_are_none(size, sizes):
    with pytest.raises(UserError, match="size"):
        sizes_of(size, sizes)


def test_numbers_in_words():
    recipe = recipe_of(make_style(), 1, 2, 3)
    assert recipe.numbers == "half, 1 of 3 layers float32"
    assert recipe.model_copy(update={"full_layers": 3}).numbers == "float32"
