"""Training: it repeats, it resumes to the same bits, it learns, it comes back from NaN and from collapse."""

from __future__ import annotations

import copy

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from phosphene.engine.core.errors import UserError  # noqa: E402
from phosphene.engine.core.frame import Size  # noqa: E402
from phosphene.tools.gan.networks import Generator  # noqa: E402
from phosphene.tools.gan.options import Options  # noqa: E402
from phosphene.tools.gan.trainer import Schedule, Trainer, parts, trainer_of  # noqa: E402
from phosphene.tools.lab.plain_gan import matched, plain_graph  # noqa: E402

SMALL = Options(size="32x16", widths=(8, 8), judge=4, batch=4, images=64, seed=3)


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def pictures(n: int = 24) -> np.ndarray:
    rng = np.random.default_rng(0)
    return (rng.random((n, 1, 1, 3)) * np.linspace(60, 255, 32)[None, None, :, None]).repeat(16, 1).astype(np.uint8)


def weights(trainer: Trainer) -> torch.Tensor:
    return torch.cat([p.flatten() for p in trainer.shown.parameters()])


def test_the_same_seed_trains_the_same_network():
    one, two = Trainer(SMALL, pictures()), Trainer(SMALL, pictures())
    for k in range(3):
        assert one.train_step(k / 3) == two.train_step(k / 3)
    assert torch.equal(weights(one), weights(two))


def test_a_resumed_run_is_the_run():
    whole, first = Trainer(SMALL, pictures()), Trainer(SMALL, pictures())
    for k in range(4):
        whole.train_step(k / 4)
    for k in range(2):
        first.train_step(k / 4)
    second = Trainer(SMALL, pictures())
    second.load(copy.deepcopy(first.state()))
    for k in range(2, 4):
        second.train_step(k / 4)
    assert second.seen == whole.seen == 16
    assert torch.equal(weights(second), weights(whole))


def test_a_state_of_another_network_is_refused():
    other = Trainer(Options(size="32x16", widths=(12, 8), judge=4, batch=4, images=64), pictures())
    with pytest.raises(UserError) as error:
        Trainer(SMALL, pictures()).load(other.state())
    assert error.value.what == "the checkpoint is of another network"


def test_a_loss_that_is_not_finite_brings_the_last_good_state_back_at_half_the_rate():
    trainer = Trainer(SMALL, pictures())
    trainer.train_step(0.0)
    with torch.no_grad():
        trainer.maker.tensors["out.weight"].fill_(float("nan"))
    trainer.train_step(0.1)
    assert all(torch.isfinite(p).all() for p in trainer.maker.parameters())
    assert trainer.slower == 0.5
    assert "not finite" in trainer.notes[0]
    assert all(np.isfinite(v) for v in trainer.train_step(0.2).values())


def test_it_gives_up_in_the_end():
    trainer = Trainer(SMALL, pictures())
    trainer.train_step(0.0)

    def spoil_and_step(times: int) -> None:
        for _ in range(times):
            with torch.no_grad():
                trainer.maker.tensors["out.weight"].fill_(float("nan"))
            trainer.train_step(0.1)

    with pytest.raises(UserError) as error:
        spoil_and_step(10)
    assert error.value.what == "training keeps failing"


def test_a_generator_that_paints_one_picture_is_a_collapse(monkeypatch):
    monkeypatch.setattr("phosphene.tools.gan.trainer._STUCK_STEPS", 3)
    trainer = Trainer(SMALL, pictures())
    trainer.train_step(0.0)
    for _ in range(3):
        with torch.no_grad():
            trainer.maker.tensors["out.weight"].zero_()
            trainer.maker.tensors["out.bias"].fill_(-3.0)
        trainer.train_step(0.1)
    assert "one picture" in trainer.notes[0]
    assert trainer.paint(8, 1).std(0).mean() > 0.5


def test_it_learns_colours():
    options = Options(size="32x16", widths=(16, 12), judge=8, batch=8, images=600, augment=0.0, ema=40.0, mirror=False)
    blue = np.zeros((16, 16, 32, 3), np.uint8)
    blue[..., 2] = np.random.default_rng(0).integers(150, 255, (16, 1, 1))
    trainer = Trainer(options, blue)
    before = trainer.paint(8, 1).mean((0, 1, 2))
    for k in range(75):
        trainer.train_step(k / 75)
    after = trainer.paint(8, 1).mean((0, 1, 2))
    want = blue.mean((0, 1, 2))
    assert np.abs(after - want).mean() < 0.6 * np.abs(before - want).mean()


def test_the_plain_recipe_has_as_many_parameters_and_trains():
    net = Options(images=1).network()
    plain = plain_graph(matched(net, plain_graph))
    assert abs(plain.parameters / net.parameters - 1.0) < 0.1
    options = Options(size="32x16", widths=(8, 8), judge=4, batch=4, images=64, recipe="plain")
    trainer = trainer_of(options)(options, pictures())
    before = weights(trainer)
    said = trainer.train_step(0.0)
    assert "r1" in said
    assert "r1" not in trainer.train_step(0.1), "its penalty comes every 16 steps"
    assert not torch.equal(before, weights(trainer))


def test_drawn_latents_lie_on_the_sphere_and_styles_are_mixed():
    maker = Generator(SMALL.network())
    drawn = maker.draw(64, torch.Generator().manual_seed(0), mixing=1.0)
    assert torch.allclose(drawn["z"].square().mean((1, 2, 3)), torch.ones(64), atol=1e-5)
    assert torch.allclose(drawn["style"].square().mean(2), torch.ones(64, 2), atol=1e-5)
    assert (drawn["style"][:, 0] != drawn["style"][:, 1]).any(1).all()


def test_the_schedule_ends_calmer_than_it_begins():
    first, last = (Schedule.at(Trainer.usual_rate, SMALL.gamma, done) for done in (0.0, 1.0))
    assert (first.rate, last.rate) == pytest.approx((1e-3, 2.5e-4))
    assert (first.gamma, last.gamma) == pytest.approx((2.0, 0.2))
    assert (first.beta2, last.beta2) == pytest.approx((0.9, 0.99))


@pytest.mark.parametrize(
    "change",
    [
        {"size": "130x72"},
        {"size": "wide"},
        {"widths": (8,)},
        {"minutes": 0.0},
        {"batch": 1},
        {"augment": 2.0},
        {"recipe": "x"},
    ],
)
def test_options_that_make_no_sense_are_refused(change):
    with pytest.raises(UserError):
        Options(**change)


def test_parts_lie_anywhere_and_repeat():
    places = np.arange(12 * 20, dtype=np.uint8).reshape(1, 12, 20, 1).repeat(40, 0)
    found = parts(places, Size(8, 4), torch.Generator().manual_seed(1))
    assert found.shape == (40, 4, 8, 1)
    assert np.all(np.diff(found[0, 0, :, 0]) == 1), "a part is cut, not scaled"
    corners = [divmod(int(each[0, 0, 0]), 20) for each in found]
    assert {min(c) for c in zip(*corners, strict=True)} == {0}
    assert [max(c) for c in zip(*corners, strict=True)] == [8, 12]
    assert np.array_equal(found, parts(places, Size(8, 4), torch.Generator().manual_seed(1)))
    assert np.array_equal(parts(places, Size(20, 12), torch.Generator()), places)


def spoil(trainer: Trainer) -> None:
    with torch.no_grad():
        trainer.maker.tensors["out.weight"].fill_(float("nan"))


def test_a_state_that_is_spoilt_when_it_would_be_kept_is_not_kept(monkeypatch):
    monkeypatch.setattr("phosphene.tools.gan.trainer.GOOD_EVERY", 2)
    trainer = Trainer(SMALL, pictures())
    trainer.train_step(0.0)
    spoil(trainer)  # and the next step is one after which a state is kept
    trainer.train_step(0.1)
    assert trainer.lives == 5
    assert all(np.isfinite(v) for v in trainer.train_step(0.2).values())
    assert trainer.lives == 5, "what came back was sound"


def test_when_it_gives_up_the_last_good_state_is_what_is_left():
    trainer = Trainer(SMALL, pictures())
    for k in range(3):
        trainer.train_step(k / 10)
    for _ in range(5):
        spoil(trainer)
        trainer.train_step(0.3)
    spoil(trainer)
    with pytest.raises(UserError):
        trainer.train_step(0.3)
    state = trainer.state()
    assert all(torch.isfinite(value).all() for name in ("maker", "judge", "shown") for value in state[name].values())
    assert len(state["notes"]) == 6


def test_a_slope_that_is_not_finite_is_a_fault_and_not_stepped(monkeypatch):
    trainer = Trainer(SMALL, pictures())
    trainer.train_step(0.0)
    before = copy.deepcopy(trainer.judge.state_dict())
    hook = trainer.judge.places.weight.register_hook(lambda slope: slope * float("inf"))
    trainer.train_step(0.1)
    hook.remove()
    assert "a slope is not finite" in trainer.notes[0]
    assert trainer.lives == 5
    after = trainer.judge.state_dict()
    assert any(not torch.equal(before[name], after[name]) for name in before), "back to the state before the first step"
    assert all(torch.isfinite(value).all() for value in after.values())


def test_a_collapse_goes_back_to_where_there_was_variety(monkeypatch):
    monkeypatch.setattr("phosphene.tools.gan.trainer.GOOD_EVERY", 2)
    monkeypatch.setattr("phosphene.tools.gan.trainer._STUCK_STEPS", 5)
    trainer = Trainer(SMALL, pictures())
    trainer.train_step(0.0)
    trainer.train_step(0.0)
    assert trainer._good["step"] == 2
    for _ in range(5):  # longer than from one kept state to the next
        with torch.no_grad():
            trainer.maker.tensors["out.weight"].zero_()
        trainer.train_step(0.1)
    assert trainer.notes == ["step 7: the generator paints one picture: back to step 2 at half the rate"]
    assert trainer.paint(8, 1).std(0).mean() > 0.5


def test_a_checkpoint_that_is_not_finite_is_refused():
    trainer = Trainer(SMALL, pictures())
    state = copy.deepcopy(trainer.state())
    state["shown"]["numbers.out/weight"].fill_(float("inf"))
    with pytest.raises(UserError, match="not finite"):
        Trainer(SMALL, pictures()).load(state)


@pytest.mark.parametrize(
    "change",
    [{"maker": None}, {"maker": {}}, {"maker_steps": {}}, {"maker_steps": {"state": [], "param_groups": [1]}}, {"step": "x"},
     {"notes": 3}, {"judge": 7}],
)  # fmt: skip
def test_a_checkpoint_of_other_things_is_refused(change):
    trainer = Trainer(SMALL, pictures())
    with pytest.raises(UserError):
        trainer.load(trainer.state() | change)


def test_half_precision_paints_in_half_and_learns_in_full():
    full, half = (
        Trainer(Options(size="32x16", widths=(8, 8), judge=4, batch=4, images=64, seed=3, precision=precision), pictures())
        for precision in ("float32", "bfloat16")
    )
    said = [trainer.train_step(0.0) for trainer in (full, half)]
    assert said[0]["judge"] != said[1]["judge"]
    assert said[0]["judge"] == pytest.approx(said[1]["judge"], rel=0.05)
    assert {p.dtype for p in half.maker.parameters()} == {torch.float32}
    assert half._fakes(torch.Generator().manual_seed(0)).dtype == torch.float32


def test_the_running_mean_moves_as_slowly_as_it_is_asked_to():
    swift, slow = (Trainer(Options(size="32x16", widths=(8, 8), judge=4, batch=4, images=64, ema=e), pictures())
                   for e in (1.0, 40.0))  # fmt: skip
    for trainer in (swift, slow):
        trainer.seen = 100_000_000  # the mean is not young
        before = weights(trainer)
        trainer.train_step(0.0)
        moved = (weights(trainer) - before).norm()
        step = (torch.cat([p.flatten() for p in trainer.maker.parameters()]) - before).norm()
        assert (moved / step).item() == pytest.approx(1.0 - 0.5 ** (4 / trainer.options.ema), rel=0.05)


def test_one_number_is_a_square():
    options = Options(size="128")
    assert (options.picture.width, options.picture.height) == (128, 128)
    assert options.network().grid == (16, 16)
