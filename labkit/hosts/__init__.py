# SPDX-License-Identifier: BSD-3-Clause
"""Other hosts: an engine on each, steered from one notebook through Dask workers."""
