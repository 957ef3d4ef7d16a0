# SPDX-License-Identifier: AGPL-3.0-or-later
"""Many clients at once: a thread for each."""
import concurrent.futures
import threading

from support import GUARD_S


def at_once(count, act):
    """Calls act(number) in so many threads at once and returns the results
    in order; the first exception is raised."""
    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        futures = [pool.submit(act, number) for number in range(count)]
        return [future.result(GUARD_S) for future in futures]


class Traffic:
    """Calls act() again and again in threads until it is left; pause_s
    keeps the load of each thread low."""

    def __init__(self, act, threads=1, pause_s=0.02):
        self._act = act
        self._pause_s = pause_s
        self._over = threading.Event()
        self._results = []
        self._pool = concurrent.futures.ThreadPoolExecutor(threads)
        self._futures = [self._pool.submit(self._run)
                         for _ in range(threads)]

    def _run(self):
        while True:
            self._results.append(self._act())
            if self._over.wait(self._pause_s):
                return

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._over.set()
        self._pool.shutdown()

    def results(self):
        """Ends it and returns what every call returned."""
        self._over.set()
        for future in self._futures:
            future.result(GUARD_S)
        return self._results
