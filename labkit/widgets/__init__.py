# SPDX-License-Identifier: BSD-3-Clause
"""Live views: anywidgets that draw streams of sources in the page."""
