"""Jobs side by side: their order, how many go on at a time, and what becomes of one that fails."""

import threading
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from solvable.threads import THREADS, side_by_side

PATIENCE = 20.0  # seconds, after which a job gives up waiting; never reached where the other one runs


def test_results_come_in_the_order_of_the_jobs():
    late = threading.Event()

    def first():
        assert late.wait(PATIENCE)  # until the second one is done
        return "first"

    def second():
        late.set()
        return "second"

    assert side_by_side(job for job in [first, second, lambda: "third"]) == ["first", "second", "third"]
    assert side_by_side([]) == []


def test_two_go_on_at_a_time_and_not_three():
    meeting, running, most = threading.Barrier(2), [], []

    def job():
        running.append(threading.get_ident())
        most.append(len(running))
        meeting.wait(PATIENCE)  # each waits for one other
        time.sleep(0.01)
        running.remove(threading.get_ident())
        return threading.current_thread() is threading.main_thread()

    assert side_by_side([job] * 6) == [False] * 6
    assert max(most) == THREADS == 2


def test_results_have_been_computed():
    class Late:
        """A result that JAX would still be computing."""

        ready = False

        def block_until_ready(self):
            self.ready = True
            return self

    found = side_by_side([lambda k=k: {"late": Late(), "power": jnp.arange(3.0) ** k} for k in range(3)])
    assert all(one["late"].ready for one in found)
    np.testing.assert_array_equal([one["power"] for one in found], [[1, 1, 1], [0, 1, 2], [0, 1, 4]])


def test_a_job_that_fails_says_so_and_ends_the_rest():
    done = []

    def fails():
        raise InterruptedError("no more")

    def slow(k):
        time.sleep(0.05)
        done.append(k)

    with pytest.raises(InterruptedError, match="no more"):
        side_by_side([fails, *(lambda k=k: slow(k) for k in range(40))])
    assert len(done) < 20


@pytest.mark.parametrize("wide", [True, False])
def test_jobs_have_the_precision_of_their_caller(wide):
    with jax.enable_x64(wide):
        found = side_by_side([lambda: jnp.ones(1)] * 2)
    assert [one.dtype for one in found] == [np.float64 if wide else np.float32] * 2
