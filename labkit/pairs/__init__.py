# SPDX-License-Identifier: BSD-3-Clause
"""Pairs of ports, a main one and its backup: watched, switched, put back, their data joined."""
