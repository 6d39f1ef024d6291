# SPDX-License-Identifier: BSD-3-Clause
"""Tables of trials, and what differs between them."""
