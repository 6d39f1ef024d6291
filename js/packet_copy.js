// SPDX-License-Identifier: BSD-3-Clause
// What leaves the page: by the clipboard, or as a file.

/** Whether the text is in the clipboard; a browser may forbid it. */
export async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

/** Downloads bytes as a file. */
export function saved(name, bytes) {
  const url = URL.createObjectURL(new Blob([bytes], { type: "application/octet-stream" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
