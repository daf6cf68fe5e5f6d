import type { IdField } from '../record.ts';
import { FileStore } from './file_store.ts';

/** Opens the streams that are kept at a place: a folder. `idField`: the member of an event that names its stream. Nothing is made before it is needed. */
export function openStore(where: string, idField: IdField): FileStore {
  return new FileStore({ root: where, idField });
}
