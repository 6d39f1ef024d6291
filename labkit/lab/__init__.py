# SPDX-License-Identifier: BSD-3-Clause
"""The notebook's side of an engine: ports, paths, tunnels."""
