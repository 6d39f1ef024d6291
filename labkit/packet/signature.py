# SPDX-License-Identifier: BSD-3-Clause
"""The end of a measured frame's payload: magic, stream, sequence number, TSC.

Told here as well as in native/packet/signature.h, because streams are made without native modules.
"""

MAGIC = bytes.fromhex("6c61624b")
SIGNATURE_LENGTH = 18  # bytes
