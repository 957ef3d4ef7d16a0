# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the tests of docker/ share."""
