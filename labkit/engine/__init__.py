# SPDX-License-Identifier: BSD-3-Clause
"""The engine: a child process that runs DPDK, and the client that talks to it."""
