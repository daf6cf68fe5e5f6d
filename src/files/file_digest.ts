import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { errnoOf } from '../core/errors.ts';

/**
 * SHA-256 of a regular file, read beside the event loop; undefined for none. Throws `EFTYPE` for what is there and is no
 * regular file (to open a FIFO would wait for a writer), and what the system says.
 */
export async function digestOfFile(path: string): Promise<string | undefined> {
  try {
    if (!(await stat(path)).isFile())
      throw Object.assign(new Error(`EFTYPE: not a regular file, open '${path}'`), { code: 'EFTYPE' });
    const hash = createHash('sha256');
    for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 })) hash.update(chunk);
    return hash.digest('hex');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}
