# SPDX-License-Identifier: BSD-3-Clause
"""The signature at the end of a measured frame (native/packet/signature.h)."""

MAGIC = bytes.fromhex("6c61624b")  # LK_SIGNATURE_MAGIC
SIGNATURE_LENGTH = 18  # bytes: magic, stream, sequence number, TSC
