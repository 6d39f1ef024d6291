# SPDX-License-Identifier: BSD-3-Clause
"""Frames on scapy's side: layers that it lacks, and headers as the standards want them."""
