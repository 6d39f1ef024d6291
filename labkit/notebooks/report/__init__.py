# SPDX-License-Identifier: BSD-3-Clause
"""What came of notebooks: stored, compared, shown."""
