# SPDX-License-Identifier: BSD-3-Clause
"""How pictures look: colours in light and dark, axes, and their place in a notebook."""
