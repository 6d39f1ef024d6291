# SPDX-License-Identifier: BSD-3-Clause
"""Topologies: hosts, switches and routers joined by links, all in one path of a lab."""
