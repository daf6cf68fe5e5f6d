import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../support/cli.ts';

const CORPUS = join(ROOT, '..', 'shared', 'interop');

/** Why the corpus cannot be run, or false. */
export const skip: string | false = existsSync(join(CORPUS, 'index.json'))
  ? false
  : 'the recorded answers of the other programs are not beside this repository (../shared/interop)';

export type Version = 'go-1.2.0' | 'go-1.4.0';
export const VERSIONS: readonly Version[] = ['go-1.2.0', 'go-1.4.0'];

export type Recorded<T> = Readonly<Record<Version, T>>;

/** What one version answered to one command. */
export interface Answer {
  readonly exit: number;
  /** Where the printed JSON object lies; null or absent when it printed something else. */
  readonly stdout_json?: string | null;
  /** JSON pointers that change from run to run. */
  readonly volatile?: readonly string[];
}

/** A file that was there, new or changed, after the last command. */
export interface WrittenFile {
  readonly path: string;
  readonly golden: string;
  /** JSON pointers; `member#pointer` in a zip, the line first in a `.jsonl`, `*` for all of it. */
  readonly volatile?: readonly string[];
}

export interface Step {
  readonly command: readonly string[];
  readonly results: Recorded<Answer>;
}

export interface Case {
  readonly id: string;
  readonly kind: string;
  readonly notes: string;
  /** Holds `inputs`; a command runs in a copy of it. */
  readonly dir: string;
  readonly inputs: readonly string[];
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly stdin?: string;
  readonly mtime_age_seconds?: Readonly<Record<string, number>>;
  /** Only in flows: commands for the same copy, the last one being `command`. */
  readonly steps?: readonly Step[];
  readonly results: Recorded<
    Answer & { readonly files: readonly WrittenFile[]; readonly deleted?: readonly string[] }
  >;
}

/** The kinds of case that gait has commands for. Of verify-guard only what `pack verify` reads. */
export const KINDS: readonly string[] = [
  'run-record',
  'verify-runpack',
  'verify-pack',
  'verify-guard',
  'verify-chain',
  'run-inspect',
  'run-receipt',
  'run-diff',
  'run-reduce',
  'run-replay',
  'session',
  'pack-build',
  'pack-inspect',
  'pack-diff',
  'keys',
  'policy-validate',
  'policy-fmt',
  'policy-test',
  'policy-simulate',
  'gate',
  'gate-approval',
  'gate-delegation',
  'broker',
  'approve',
  'delegate',
  'trace-verify',
  'verify-bundle',
];

export function readCases(): Case[] {
  const all = JSON.parse(readFileSync(corpusPath('index.json'), 'utf8')) as Case[];
  return all.filter(
    ({ kind, command }) =>
      KINDS.includes(kind) && (kind !== 'verify-guard' || command.slice(0, 2).join(' ') === 'pack verify'),
  );
}

export function stepsOf({ steps, command, results }: Case): readonly Step[] {
  return steps ?? [{ command, results }];
}

/** The name of a step in differences and in the table: `session.flow-full#4`, or just the case's id. */
export function placeOf({ id, steps }: Case, index: number): string {
  return steps === undefined ? id : `${id}#${index + 1}`;
}

export function corpusPath(path: string): string {
  return join(CORPUS, path);
}
