# SPDX-License-Identifier: BSD-3-Clause
"""Captures as tables: files of frames, taken apart into columns."""
