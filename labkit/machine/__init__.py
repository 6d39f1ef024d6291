# SPDX-License-Identifier: BSD-3-Clause
"""This machine: CPUs, memory, NICs, and what the doctor says of them."""
