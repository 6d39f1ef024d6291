# SPDX-License-Identifier: BSD-3-Clause
"""What users give, checked where they give it."""
