# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the system tests share: the program, its upstream, and its clients."""

# Seconds after which a wait counts as one for ever. It synchronises nothing:
# a test that passes never comes near it.
GUARD_S = 30
