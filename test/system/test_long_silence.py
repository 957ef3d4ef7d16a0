# SPDX-License-Identifier: AGPL-3.0-or-later
"""Silence that is longer than nginx waits, with every timeout at its default,
nginx's too. The sanitized build has the scaled ones of test_silence.py."""
import pytest

from support.footprint import SANITIZED
from support.nginx import NGINX, Nginx
from support.silence import Talk, by_name, have

pytestmark = [
    pytest.mark.skipif(SANITIZED, reason="takes 75 s, once is enough"),
    pytest.mark.skipif(NGINX is None, reason="nginx is not installed")]

NGINX_WAITS_S = 60


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
