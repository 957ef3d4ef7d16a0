# SPDX-License-Identifier: AGPL-3.0-or-later
"""An upstream that would go on for ever, for answers that are ended here."""
import threading

from support import GUARD_S


class Endless:
    """A handler that sends these pieces and then, if there is one, another
    again and again, until its connection is closed. It is for one answer."""

    def __init__(self, protocol, *lines, more=None):
        self._protocol = protocol
        self._lines = lines
        self._more = more
        self._gone = threading.Event()

    def __call__(self, exchange):
        try:
            self._send(exchange)
        except ConnectionError:
            exchange.cut()
        else:
            exchange.wait_gone()
        self._gone.set()

    def _send(self, exchange):
        exchange.start(headers=self._protocol.HEADERS)
        for line in self._lines:
            exchange.send_chunk(line)
        while self._more is not None:
            exchange.send_chunk(self._more)

    def check_gone(self):
        """Waits until the program has closed the connection."""
        assert self._gone.wait(GUARD_S), "the program lets it go on"
