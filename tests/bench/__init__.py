# SPDX-License-Identifier: BSD-3-Clause
"""Measurements: ratios to a peer on the same work in the same run, and times a user waits."""
