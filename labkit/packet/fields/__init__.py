# SPDX-License-Identifier: BSD-3-Clause
"""The fields of layers out of their bytes, by tables of their formats."""
