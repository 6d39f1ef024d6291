# SPDX-License-Identifier: BSD-3-Clause
"""Live traffic: flows that run in the background on ports of a lab, changed while they run."""
