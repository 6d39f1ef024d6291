# SPDX-License-Identifier: BSD-3-Clause
"""Readers of evidence: each knows the shape of its files, and tells what is in them."""
