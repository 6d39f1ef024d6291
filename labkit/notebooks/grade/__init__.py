# SPDX-License-Identifier: BSD-3-Clause
"""A class graded: each student's answers, run against the checks of the lesson as it is kept."""
