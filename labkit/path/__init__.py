# SPDX-License-Identifier: BSD-3-Clause
"""Paths as data: what they are, what they may be, what they counted, how they look."""
