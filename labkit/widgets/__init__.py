# SPDX-License-Identifier: BSD-3-Clause
"""Live views: anywidgets that draw feeds of sources in the page."""
