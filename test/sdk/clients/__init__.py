# SPDX-License-Identifier: AGPL-3.0-or-later
"""The clients that ask the program: the official ones, and a browser."""
