# SPDX-License-Identifier: BSD-3-Clause
"""What each name of the lab means, in words and on a page: the command `labkit docs`."""
