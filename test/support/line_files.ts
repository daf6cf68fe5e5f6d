import assert from 'node:assert/strict';
import { LineFile } from '../../src/files/line_file.ts';
import type { FsPort } from '../../src/files/port.ts';
import { SimDisk } from '../../src/files/sim.ts';
import { putBytes } from './streams.ts';

export const DIR = '/d';
export const PATH: string = `${DIR}/lines`;
export const LINE = '{"name":"žluťoučký … \u{1f40e}"}\n';

export function lineFile(fs: FsPort, lockTimeoutMs = 20): LineFile {
  return new LineFile({ path: PATH, fs, lockTimeoutMs });
}

/** A disk whose file has these bytes; without bytes there is no file. */
export function diskWith(bytes?: Uint8Array | string): SimDisk {
  const disk = new SimDisk();
  const fs = disk.mount();
  fs.makeDir(DIR);
  fs.syncDir('/');
  if (bytes !== undefined) putBytes(fs, PATH, Buffer.from(bytes));
  return disk;
}

/** The lines as a process that is started now reads them. */
export async function linesOn(disk: SimDisk): Promise<string | undefined> {
  return (await lineFile(disk.mount()).read())?.toString();
}

/** Appends what is not there yet, and answers the lines that it was decided on. */
export function append(file: LineFile, text: string): Promise<string> {
  return file.change('create', (lines) => ({ append: Buffer.from(text), result: lines.toString() }));
}

/** What is done to the file, from these bytes to these lines. */
export interface Operation {
  readonly name: string;
  readonly bytes: string | undefined;
  readonly lines: string;
  act(file: LineFile): Promise<unknown>;
}

export const OPERATIONS: readonly Operation[] = [
  { name: 'the first append', bytes: undefined, lines: LINE, act: (file) => append(file, LINE) },
  { name: 'an append', bytes: `a\n${LINE}`, lines: `a\n${LINE}b\n`, act: (file) => append(file, 'b\n') },
  { name: 'one after a torn tail', bytes: `a\n{"tor`, lines: `a\nb\n`, act: (file) => append(file, 'b\n') },
  {
    name: 'a replacement',
    bytes: 'a\nb\nto',
    lines: 'b\n',
    act: (file) => file.change('update', () => ({ replace: Buffer.from('b\n'), result: 1 })),
  },
  {
    name: 'a replacement, then an append',
    bytes: 'a\nb\n',
    lines: 'b\nc\n',
    async act(file) {
      await file.change('update', () => ({ replace: Buffer.from('b\n'), result: 1 }));
      await append(file, 'c\n');
    },
  },
  { name: 'a look', bytes: 'a\nto', lines: 'a\n', act: (file) => file.read() },
];

/** A replacement that failed late is in place all the same. */
export function replaces({ name }: Operation): boolean {
  return name.includes('replacement');
}

/** All states on the way: none, some or all of the operation's steps are done. */
export function allowed({ bytes = '', lines, name }: Operation): (string | undefined)[] {
  const before = bytes.slice(0, bytes.lastIndexOf('\n') + 1);
  return [before, lines, ...(name.endsWith('then an append') ? ['b\n'] : [])];
}

/** What comes after goes through, and outlives a power failure. */
export async function goesOn(disk: SimDisk, file: LineFile, lines: string): Promise<void> {
  assert.equal(await append(file, 'next\n'), lines);
  assert.equal(await append(lineFile(disk.mount()), 'other\n'), `${lines}next\n`);
  disk.crash(() => 'lost');
  assert.equal(await linesOn(disk), `${lines}next\nother\n`, 'acknowledged, and lost in a power failure');
}
