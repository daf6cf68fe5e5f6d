import type { Found } from '../core/report.ts';

/** All that PackSpec v1 has, by what it stands in; a manifest stands in each. */
const MEMBERS = {
  job: [
    'pack_manifest.json',
    'job_events.jsonl',
    'job_ledger.json',
    'job_payload.json',
    'job_state.json',
    'proof_records.jsonl',
  ],
  run: [
    'pack_manifest.json',
    'context_envelope.json',
    'proof_records.jsonl',
    'run_payload.json',
    'source/runpack.zip',
  ],
  runpack: ['manifest.json', 'intents.jsonl', 'refs.json', 'results.jsonl', 'run.json'],
  /** Evidence packs hold what their templates ask for. */
  guard: ['pack_manifest.json'],
} as const;

export type ContainerType = keyof typeof MEMBERS;

const ANYWHERE: ReadonlySet<string> = new Set(Object.values(MEMBERS).flat());

/** What stands in a container beside the members of its type. */
export interface Strangers {
  readonly findings: readonly Found[];
  /** Members that PackSpec v1 does not know, and that nobody looked into. */
  readonly unchecked: readonly string[];
}

/**
 * A pack of a run or a job holds the members of its type alone: nobody looks into another, and a second reader may take it
 * for the pack. In a runpack by itself, and in an evidence pack, the members of other types are refused; of a member that no
 * type has only the digest is checked, and a `strict` reader wants none in a runpack.
 */
export function strangersAmong(type: ContainerType, declared: readonly string[], strict = false): Strangers {
  const own: readonly string[] = MEMBERS[type];
  const others = [...new Set(declared)].filter((path) => !own.includes(path));
  const isElsewhere = (path: string): boolean => ANYWHERE.has(path.toLowerCase());
  const refusesAll = type === 'job' || type === 'run' || (strict && type === 'runpack');
  const refused = refusesAll ? others : others.filter(isElsewhere);
  return {
    findings: refused.map((member) => {
      const what = type === 'runpack' ? type : `${type} pack`;
      return { code: 'member_of_no_type', message: `${member} is no member of a ${what}`, member };
    }),
    unchecked: type === 'guard' ? [] : others.filter((path) => !refused.includes(path)),
  };
}
