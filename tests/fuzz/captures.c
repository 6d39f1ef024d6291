/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A libFuzzer target over the walker of captures. The file stands in an allocation of its own, so
 * that AddressSanitizer sees a read of one byte too far.
 */
#include <stdlib.h>

#include "capture_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct lk_capture_file walker;
	struct lk_capture_record record;
	uint8_t *bytes = malloc(size + (size == 0));
	unsigned int sum = 0;
	enum lk_capture_status status;

	if (bytes == NULL)
		abort();
	memcpy(bytes, data, size);
	lk_capture_file_begin(bytes, size, &walker);
	while ((status = lk_capture_file_next(&walker, &record)) == LK_CAPTURE_RECORD) {
		if (record.bytes < bytes || record.kept > record.length ||
		    record.bytes + record.kept > bytes + size)
			abort();
		for (uint32_t i = 0; i < record.kept; i++)
			sum += record.bytes[i];
	}
	if (status == LK_CAPTURE_MORE || (status != LK_CAPTURE_END && walker.reason == NULL) ||
	    lk_capture_file_next(&walker, &record) != status)
		abort();
	free(bytes);
	if (sum == UINT32_MAX) /* so that the bytes are truly read */
		abort();
	return 0;
}
