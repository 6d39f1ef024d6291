# SPDX-License-Identifier: BSD-3-Clause
"""Traffic: streams of frames, their sizes, rates and varying fields, compiled for the generator."""
