import { errnoOf } from '../../src/core/errors.ts';
import { allBytes } from '../../src/files/bytes.ts';
import type { FileStore } from '../../src/log/stores/file_store.ts';

/** The bytes of a file of a job's folder as processes see it now; undefined when there is none. */
export function bytesOf(files: FileStore, jobId: string, name: string): Buffer | undefined {
  try {
    const fd = files.fs.open(files.path(jobId, name), 'read');
    const bytes = allBytes(files.fs, fd, 0, files.fs.stat(fd).size);
    files.fs.close(fd);
    return bytes;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
