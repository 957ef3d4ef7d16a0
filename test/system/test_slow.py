# SPDX-License-Identifier: AGPL-3.0-or-later
"""Streams that need minutes, with every timeout at its default, nginx's too.
They run on request: AC_SLOW_TESTS=1."""
import concurrent.futures
import os

import pytest

from support.nginx import NGINX, Nginx
from support.silence import Talk, by_name

pytestmark = [
    pytest.mark.skipif(os.environ.get("AC_SLOW_TESTS") != "1",
                       reason="slow, run with AC_SLOW_TESTS=1"),
    pytest.mark.skipif(NGINX is None, reason="nginx is not installed")]

NGINX_WAITS_S = 60


def have(talks, connects):
    """Has talks at the same time, each on a connection that the function of
    its name makes."""
    def listen(name):
        with connects[name]() as connection:
            talks[name].listen(connection, name)

    with concurrent.futures.ThreadPoolExecutor(len(talks)) as pool:
        for future in [pool.submit(listen, name) for name in talks]:
            future.result()


def test_70_s_of_silence_pass_nginx(program, upstream, tmp_path):
    """Before the first piece the comments come after 10, 25, 40, 55 and
    70 s, within an answer after 15, 30, 45, 60 and 75 s."""
    talks = {"before": Talk(([], 5), (["Hello", ", world"], 0)),
             "within": Talk((["Hello"], 5), ([", world"], 0))}
    upstream.on_chat = by_name(talks)
    with Nginx(tmp_path, program.port) as nginx:
        have(talks, dict.fromkeys(talks, nginx.connect))
    for name, talk in talks.items():
        print(f"{name}: {talk.longest_s:.1f} s of silence")
        assert talk.longest_s > 69 > NGINX_WAITS_S


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
