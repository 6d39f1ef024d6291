# SPDX-License-Identifier: BSD-3-Clause
"""Things measured over time: each has a ledger, a result table and a picture."""
