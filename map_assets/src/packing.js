// Unpacks what a map file holds, and never more than a tile may have. Pure. Counterpart: engine/maps/survey.py has the same caps.
// One rule: a small file that would unpack to gigabytes is an error like any other.

/** Largest tile or directory, unpacked. */
const MOST_BYTES = 64 * 1024 * 1024;
const GZIP = 2;

/** @param {ArrayBuffer} packed @param {number} compression as PMTiles counts them @param {number} most_bytes @returns {Promise<ArrayBuffer>} */
export async function unpackAtMost(packed, compression, most_bytes = MOST_BYTES) {
  if (compression !== GZIP) return packed;
  const reader = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip")).getReader();
  const parts = [];
  let size = 0;
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    size += read.value.length;
    if (size > most_bytes) {
      await reader.cancel();
      throw new Error(`it unpacks to more than ${most_bytes} bytes`);
    }
    parts.push(read.value);
  }
  const whole = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole.buffer;
}
