# SPDX-License-Identifier: BSD-3-Clause
"""Tables as the lab shows them, in a notebook and in a terminal."""
