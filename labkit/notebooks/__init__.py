# SPDX-License-Identifier: BSD-3-Clause
"""Notebooks as regression tests: parameters, checks, runs, baselines, reports."""
