# SPDX-License-Identifier: AGPL-3.0-or-later
"""A stream that needs minutes, with every timeout at its default, nginx's too.
It runs on request: AC_SLOW_TESTS=1."""
import os

import pytest

from support.nginx import NGINX, Nginx
from support.silence import Talk, by_name, have

pytestmark = [
    pytest.mark.skipif(os.environ.get("AC_SLOW_TESTS") != "1",
                       reason="slow, run with AC_SLOW_TESTS=1"),
    pytest.mark.skipif(NGINX is None, reason="nginx is not installed")]

def test_stream_of_more_than_10_minutes_is_whole(program, upstream, tmp_path):
    """41 rounds of text and 15 s of silence, through nginx and directly. The
    session ends on the way."""
    rounds = [([f"{number}.{word} " for word in range(200)], 1)
              for number in range(41)]
    talks = {"nginx": Talk(*rounds, (["end"], 0)),
             "direct": Talk(*rounds, (["end"], 0))}
    upstream.on_chat = by_name(talks)
    with Nginx(tmp_path, program.port) as nginx:
        have(talks, {"nginx": nginx.connect, "direct": program.connect})
    program.wait_log("request", count=2, route="chat")
    for line in program.log("request"):
        print(line.text)
        assert line.get("status") == "200"
        assert int(line.get("duration_ms")) > 600_000
