/**
 * One file out of a `.tar.gz`, read in memory. The archive is checked against its published sum before it gets
 * here, yet nothing in it is trusted with a path: the caller names the file and says where it goes.
 * POSIX ustar headers (pax.1): name at 0, size at 124 in octal, prefix at 345.
 */
import { gunzipSync } from 'node:zlib';

const BLOCK = 512;
const LARGEST = 256 * 1024 * 1024;

function text(block: Buffer, from: number, length: number): string {
  const field = block.subarray(from, from + length);
  const end = field.indexOf(0);
  return field.subarray(0, end === -1 ? length : end).toString('utf8');
}

/** The contents of the first regular file whose last path segment is `name`; undefined when there is none. */
export function fileFromTarGz(archive: Buffer, name: string): Buffer | undefined {
  const tar = gunzipSync(archive, { maxOutputLength: LARGEST });
  let at = 0;
  while (at + BLOCK <= tar.length) {
    const header = tar.subarray(at, at + BLOCK);
    const path = text(header, 0, 100);
    if (path === '') return undefined;
    const size = Number.parseInt(text(header, 124, 12).trim() || '0', 8);
    if (!Number.isSafeInteger(size) || size < 0 || at + BLOCK + size > tar.length) throw new Error('the archive is damaged');
    const type = text(header, 156, 1);
    if ((type === '' || type === '0') && path.split('/').at(-1) === name) return tar.subarray(at + BLOCK, at + BLOCK + size);
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
  }
  return undefined;
}
