"""The worker pool: every job once, errors come through, BLAS is pinned only while it works."""

from __future__ import annotations

import threading

import pytest
from threadpoolctl import ThreadpoolController

from phosphene.engine.backends.workers import Workers, available_cpus, shared_workers
from phosphene.engine.core import clock


def blas_threads() -> list[int]:
    return [lib["num_threads"] for lib in ThreadpoolController().select(user_api="blas").info()]


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_every_job_runs_once_and_the_caller_works_too(threads):
    workers = Workers(threads)
    done, lock, callers = [], threading.Lock(), set()

    def work(worker: int, job: int) -> None:
        with lock:
            done.append(job)
            callers.add(worker)
        if len(callers) < threads:
            clock.sleep(0.001)  # give the others a chance: no single one may be needed, and none may be left out for good

    workers.run(200, work)
    assert sorted(done) == list(range(200))
    assert callers == set(range(threads))
    workers.close()


def test_blas_has_one_thread_inside_and_its_own_number_outside():
    workers, inside = Workers(2), []
    before = blas_threads()
    workers.run(4, lambda worker, job: inside.append(blas_threads()))
    assert all(threads == [1] * len(before) for threads in inside)
    assert blas_threads() == before
    workers.close()


def test_two_users_at_once_leave_blas_as_it_was():
    workers, before = Workers(1), blas_threads()
    entered, leave = threading.Event(), threading.Event()

    def slow(worker: int, job: int) -> None:
        entered.set()
        leave.wait(60)

    other = threading.Thread(target=workers.run, args=(1, slow))
    other.start()
    entered.wait(60)
    workers.run(1, lambda worker, job: None)
    leave.set()
    other.join()
    assert blas_threads() == before
    workers.run(1, lambda worker, job: None)
    assert blas_threads() == before


@pytest.mark.parametrize("threads", [1, 2])
def test_an_error_in_a_job_reaches_the_caller_and_the_pool_lives_on(threads):
    workers = Workers(threads)

    def fail(worker: int, job: int) -> None:
        if job == 3:
            raise ArithmeticError("job 3")

    with pytest.raises(ArithmeticError, match="job 3"):
        workers.run(50, fail)
    workers.run(50, lambda worker, job: None)
    workers.close()


def test_one_pool_for_the_process():
    assert shared_workers() is shared_workers()
    assert 1 <= shared_workers().threads <= max(1, available_cpus())
