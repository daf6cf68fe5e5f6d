import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { until } from './leased.ts';
import { childEnv } from './shell.ts';

const ROOT = process.env['GAIT_ROOT'] ?? process.cwd();

/** The programs and the command lines of a guide. */
export interface Guide {
  /** Program texts by the names that their first lines give. */
  readonly programs: ReadonlyMap<string, string>;
  /** What stands behind `$ gait `. */
  readonly lines: readonly string[];
}

export function readGuide(name: string): Guide {
  const text = readFileSync(join(ROOT, 'docs/guides', name), 'utf8');
  const blocks = text.matchAll(/^```js\n\/\/ (\S+)\n([\s\S]*?)^```/gm);
  return {
    programs: new Map([...blocks].map(([, file = '', code = '']) => [file, code])),
    lines: [...text.matchAll(/^\$ gait (.*)$/gm)].map(([, line = '']) => line),
  };
}

/** Writes the programs of a guide into a directory where `gait` is installed. */
export async function installGuide({ programs }: Guide, dir: string): Promise<void> {
  await mkdir(join(dir, 'node_modules'), { recursive: true });
  await symlink(ROOT, join(dir, 'node_modules', 'gait'), 'dir');
  for (const [file, code] of programs) await writeFile(join(dir, file), code);
}

export interface Program {
  readonly child: ChildProcess;
  /** All that it printed, both outputs in one. */
  output(): string;
  /** Resolves once it printed something. */
  prints(text: string): Promise<void>;
  /** The exit code, or the name of the signal that ended it. */
  readonly ended: Promise<number | string>;
}

/** Starts a program of a directory with nothing of the caller's settings. */
export function startProgram(dir: string, file: string): Program {
  const child = spawn(process.execPath, [file], {
    cwd: dir,
    env: childEnv(),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let all = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      all += text;
    });
  }
  const ended = new Promise<number | string>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve(code ?? signal ?? 'unknown'));
  });
  const prints = (text: string): Promise<void> =>
    until(`${file} prints ${text}`, () => {
      if (all.includes(text)) return true;
      if (child.exitCode !== null || child.signalCode !== null) throw new Error(`${file} ended: ${all}`);
      return false;
    });
  return { child, output: () => all, prints, ended };
}
