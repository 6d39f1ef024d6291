# SPDX-License-Identifier: BSD-3-Clause
"""EC2 instances on Nitro cards, as far as their network has limits: what lk.nitro() makes."""
