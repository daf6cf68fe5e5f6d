import { type CommandSpec, command } from '../../cli/command.ts';
import { PACK_OUTPUT } from '../../cli/flags/pack.ts';
import { asJson, table } from '../../cli/text/job.ts';
import { ledgerRoot, openLedger } from '../../host/workspace/output_places.ts';
import { readLedger } from '../../pack/ledger.ts';

const spec: CommandSpec = command({
  output: { schemaId: PACK_OUTPUT, operation: 'list' },
  summary: 'List the packs that were built in this workspace.',
  description:
    'Reads the ledger of packs, and checks it. It tells what was built, not where the files are now.',
  examples: [{ says: 'List them', line: 'pack list' }],
  flags: {},
  async run(_input, io) {
    const packs = await readLedger(openLedger(ledgerRoot(io.env), io));
    const rows = packs.map(({ built_at, pack_type, source_ref, head, file, pack_id }) => {
      return [
        built_at,
        pack_type,
        source_ref,
        head === undefined ? '' : String(head.revision),
        file,
        pack_id.slice(0, 12),
      ];
    });
    const header = ['BUILT', 'TYPE', 'OF', 'REVISION', 'FILE', 'PACK'];
    return {
      fields: { packs: packs.map(asJson) },
      lines: rows.length === 0 ? ['no packs'] : table([header, ...rows]),
    };
  },
});

export default spec;
