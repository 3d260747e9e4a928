"""Work waits its turn, in bounds, and no longer than somebody waits for it."""

import asyncio
import contextvars
import threading
from functools import partial

import pytest

from engine.interruption import Stopped, stop_unless_wanted
from serving.queue import Full, TimedOut, WorkQueue

LONG = 30.0  # seconds that nothing here takes


class Worker:
    """Doubles numbers, remembers each batch, and can be held up."""

    def __init__(self):
        self.batches = []
        self.threads = set()
        self.begun = threading.Event()
        self.go_on = threading.Event()
        self.go_on.set()

    def double(self, items):
        self.batches.append(list(items))
        self.threads.add(threading.current_thread())
        self.begun.set()
        assert self.go_on.wait(LONG)
        return [2 * item for item in items]


def in_queue(scenario, capacity=100, max_batch=4, time_limit=LONG):
    """Run `scenario(queue, worker)` on an event loop, with a queue that is started and stopped."""

    async def run():
        queue = WorkQueue(capacity, max_batch, time_limit)
        await queue.start()
        worker = Worker()
        try:
            return await scenario(queue, worker)
        finally:
            worker.go_on.set()
            await asyncio.wait_for(queue.stop(), LONG)

    return asyncio.run(run())


def submit(queue, work, item, key="same"):
    return asyncio.create_task(queue.run(work, item, key))


async def hold(queue, worker):
    """Keep the worker busy: what is submitted after this waits."""
    worker.go_on.clear()
    held = submit(queue, worker.double, 0, "held")
    await asyncio.to_thread(worker.begun.wait, LONG)
    return held


def put_clock_forward(seconds):
    """Have so much time pass on the running event loop, at once."""
    loop = asyncio.get_running_loop()
    told = loop.time
    loop.time = lambda: told() + seconds


async def settle():
    for _ in range(5):
        await asyncio.sleep(0)


def test_work_is_done_off_the_loop_in_one_thread():
    async def scenario(queue, worker):
        keys = [number % 3 for number in range(30)]
        tasks = [submit(queue, worker.double, n, key) for n, key in enumerate(keys)]
        assert await asyncio.gather(*tasks) == [2 * n for n in range(30)]
        assert len(worker.threads) == 1 and threading.current_thread() not in worker.threads

    in_queue(scenario)


def test_batches_are_of_equal_keys_and_bounded_and_the_oldest_is_next():
    async def scenario(queue, worker):
        await hold(queue, worker)
        waiting = [submit(queue, worker.double, n, key) for n, key in enumerate("abaabaaca", 1)]
        await settle()
        assert queue.waiting == 9
        worker.go_on.set()
        await asyncio.gather(*waiting)
        assert worker.batches == [[0], [1, 3, 4, 6], [2, 5], [7, 9], [8]]

    in_queue(scenario)


def test_nobody_waits_for_company():
    async def scenario(queue, worker):
        assert await queue.run(worker.double, 4, "a") == 8
        assert worker.batches == [[4]]

    in_queue(scenario)


def test_full_at_capacity_and_free_again():
    async def scenario(queue, worker):
        with queue.admit(), pytest.raises(ValueError), queue.admit():
            assert queue.inside == 1  # of one task: a request counts once
            raise ValueError
        assert queue.inside == 0

        async def request():
            with queue.admit():
                return await queue.run(worker.double, 1, "a")

        worker.go_on.clear()
        requests = [asyncio.create_task(request()) for _ in range(3)]
        await settle()
        assert queue.inside == 3
        with pytest.raises(Full, match="try again in") as refusal, queue.admit():
            pass
        assert refusal.value.retry_after >= 1
        worker.go_on.set()
        assert await asyncio.gather(*requests) == [2, 2, 2]
        with queue.admit():
            assert queue.inside == 1

    in_queue(scenario, capacity=3)


def test_who_is_cancelled_leaves_and_its_work_is_never_done():
    async def scenario(queue, worker):
        held = await hold(queue, worker)
        stays, leaves = submit(queue, worker.double, 1), submit(queue, worker.double, 2)
        await settle()
        leaves.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaves
        assert queue.waiting == 1
        worker.go_on.set()
        assert await stays == 2 and await held == 0
        assert worker.batches == [[0], [1]]

    in_queue(scenario)


def test_cancelled_in_the_middle_of_its_batch_the_others_have_their_results():
    async def scenario(queue, worker):
        held = await hold(queue, worker)
        tasks = [submit(queue, worker.double, n) for n in range(3)]
        held.cancel()
        await settle()
        worker.begun.clear()
        worker.go_on.set()
        await asyncio.to_thread(worker.begun.wait, LONG)
        tasks[1].cancel()
        assert await asyncio.gather(tasks[0], tasks[2]) == [0, 4]

    in_queue(scenario)


def stopped_by(leave):
    """Whether work that asks between its parts ends once nobody waits for it."""
    stopped = threading.Event()
    begun = threading.Event()

    def endless(items):
        begun.set()
        try:
            while True:
                stop_unless_wanted()
        except Stopped:
            stopped.set()
            raise

    async def scenario(queue, worker):
        task = submit(queue, endless, 1)
        await asyncio.to_thread(begun.wait, LONG)
        await leave(task)
        assert await queue.run(worker.double, 3, "next") == 6
        return stopped.is_set()

    return scenario


def test_work_in_hand_stops_when_its_request_is_cancelled():
    async def leave(task):
        task.cancel()

    assert in_queue(stopped_by(leave))


def test_work_in_hand_stops_when_its_time_is_over():
    async def leave(task):
        put_clock_forward(LONG)
        with pytest.raises(TimedOut, match="not done within 30 s; make it smaller, or"):
            await task

    assert in_queue(stopped_by(leave))


def test_time_counts_from_admission_waiting_included():
    async def scenario(queue, worker):
        with queue.admit():
            put_clock_forward(LONG)  # all of its time
            with pytest.raises(TimedOut):
                await queue.run(worker.double, 1, "a")
        assert queue.waiting == 0
        assert await queue.run(worker.double, 2, "a") == 4  # its own time, from here on
        assert [1] not in worker.batches

    in_queue(scenario)


def test_a_context_that_outlives_its_request_is_as_any_other():
    async def scenario(queue, worker):
        with queue.admit():
            context = contextvars.copy_context()
        put_clock_forward(2 * LONG)  # more than that request had

        async def request():
            with queue.admit():
                assert queue.inside == 1
                return await queue.run(worker.double, 1, "a")

        assert await asyncio.create_task(request(), context=context) == 2
        assert await asyncio.create_task(queue.run(worker.double, 2, "a"), context=context) == 4

    in_queue(scenario)


def test_the_failure_of_one_harms_no_other_of_its_batch():
    def invert(items):
        return [1 / item for item in items]

    async def scenario(queue, worker):
        await hold(queue, worker)
        tasks = [submit(queue, invert, n) for n in (1, 0, 4)]
        await settle()
        worker.go_on.set()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert outcomes[::2] == [1, 0.25] and isinstance(outcomes[1], ZeroDivisionError)

    in_queue(scenario)


@pytest.mark.parametrize("error", [StopIteration(), TimeoutError("mine"), MemoryError()])
def test_whatever_work_raises_the_queue_goes_on(error):
    def fail(items):
        raise error

    async def scenario(queue, worker):
        with pytest.raises((type(error), RuntimeError)) as raised:  # StopIteration cannot pass
            await queue.run(fail, 1, "a")
        assert not isinstance(raised.value, TimedOut)
        with pytest.raises(ValueError):
            await queue.run(lambda items: [], 1, "a")  # a result too few
        assert await queue.run(worker.double, 2, "a") == 4

    in_queue(scenario)


def test_stop_finishes_what_is_inside_and_takes_no_more():
    async def scenario(queue, worker):
        held = await hold(queue, worker)
        waits = submit(queue, worker.double, 1)
        await settle()
        stopping = asyncio.create_task(queue.stop())
        await settle()
        assert not stopping.done()
        for refused in (partial(queue.run, worker.double, 2, "a"), partial(admitted, queue)):
            with pytest.raises(Full, match="takes no requests now"):
                await refused()
        worker.go_on.set()
        await stopping
        assert await held == 0 and await waits == 2
        assert not any(thread.is_alive() for thread in worker.threads)

    in_queue(scenario)


async def admitted(queue):
    with queue.admit():
        pass


def test_nothing_is_taken_before_the_start():
    with pytest.raises(Full):
        asyncio.run(admitted(WorkQueue(1, 1, 1)))
