# SPDX-License-Identifier: BSD-3-Clause
"""labkit run: notebooks executed, each in a process of its own."""
