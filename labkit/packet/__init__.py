# SPDX-License-Identifier: BSD-3-Clause
"""Frames as bytes: headers, verdicts and tunnels. No engine, no lab."""
