import { join } from 'node:path';
import { invalidInput } from '../../core/errors.ts';
import { outDir } from '../../host/workspace/workspace.ts';
import { isStreamId } from '../../log/record.ts';
import { createKeyFiles, keyPaths } from '../../signing/key_files.ts';
import type { FlagSpec, OptionalText, Reply } from '../command.ts';
import type { Io } from '../io.ts';

export const KEYS_OUTPUT = 'gait.keys.output';

/** Where a pair of key files is made. */
export const keyDirFlags: {
  readonly 'out-dir': OptionalText;
  readonly prefix: FlagSpec & { readonly type: 'string'; readonly default: string };
} = {
  'out-dir': {
    type: 'string',
    value: 'DIR',
    summary: 'Directory for the key files. By default ./gait-out/keys.',
  },
  prefix: { type: 'string', value: 'NAME', default: 'gait', summary: 'Prefix of the file names.' },
};

/** Makes a pair of key files and answers with their names. */
export function makeKeys(dir: string | undefined, prefix: string, force: boolean, io: Io): Reply {
  if (!isStreamId(prefix)) {
    throw invalidInput(
      'flag_value_invalid',
      `--prefix cannot begin the name of a file: ${JSON.stringify(prefix)}`,
    );
  }
  const paths = keyPaths(dir ?? join(outDir(io.env), 'keys'), prefix);
  const { keyId } = createKeyFiles(paths, force);
  return {
    fields: { prefix, key_id: keyId, private_key_path: paths.privateKey, public_key_path: paths.publicKey },
    lines: [
      `key id   ${keyId}`,
      `private  ${paths.privateKey}  (keep it secret)`,
      `public   ${paths.publicKey}`,
    ],
  };
}
