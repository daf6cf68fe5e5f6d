import assert from 'node:assert/strict';
import { link, mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { GaitError } from '../../src/core/errors.ts';
import { type Fault, faultyFs } from '../../src/files/faulty.ts';
import { LineFile } from '../../src/files/line_file.ts';
import { nodeFs } from '../../src/files/node.ts';
import type { FsPort } from '../../src/files/port.ts';
import type { Fate, Pending, SimDisk } from '../../src/files/sim.ts';
import { dyingFs } from '../support/failing_fs.ts';
import {
  allowed,
  append,
  DIR,
  diskWith,
  goesOn,
  LINE,
  lineFile,
  linesOn,
  OPERATIONS,
  type Operation,
  PATH,
  replaces,
} from '../support/line_files.ts';
import { gaitError } from '../support/refusals.ts';
import { bytesAt, putBytes } from '../support/streams.ts';
import { PATIENCE_MS } from '../support/until.ts';

describe('bytes after the last newline', () => {
  const RESTS: Readonly<Record<string, (length: number) => Buffer>> = {
    'cut off': () => Buffer.alloc(0),
    'filled with zeros': (length) => Buffer.alloc(length + 4096),
    'filled with half of a character': (length) =>
      Buffer.alloc(length, Buffer.from('\u{1f40e}').subarray(0, 3)),
  };
  for (const [name, rest] of Object.entries(RESTS)) {
    test(`the last line, cut at every byte and ${name}, is nobody's: readers leave it, the next writer cuts it`, async () => {
      const last = Buffer.from(LINE);
      for (const kept of ['', `one\n${LINE}`]) {
        for (let at = 0; at < last.length; at += 1) {
          const bytes = Buffer.concat([Buffer.from(kept), last.subarray(0, at), rest(last.length - 1 - at)]);
          const disk = diskWith(bytes);
          assert.equal(await linesOn(disk), kept, `cut at ${at}`);
          assert.deepEqual(bytesAt(disk.mount(), PATH), bytes, 'a reader changed the file');
          assert.equal(await append(lineFile(disk.mount()), 'new\n'), kept);
          assert.equal(bytesAt(disk.mount(), PATH).toString(), `${kept}new\n`, `cut at ${at}`);
        }
      }
    });
  }
});

describe('one fault, at any call of the file system', () => {
  const AFTERMATHS = ['goes on', 'is killed', 'loses all unsynced', 'keeps all unsynced'] as const;

  for (const operation of OPERATIONS) {
    test(operation.name, async (t) => {
      const counting = faultyFs(diskWith(operation.bytes).mount());
      await operation.act(lineFile(counting));
      let cases = 0;
      for (let at = 1; at <= counting.calls.length; at += 1) {
        for (const kind of ['before', 'after', 'short'] as const) {
          for (const errno of ['ENOSPC', 'EIO']) {
            for (const aftermath of AFTERMATHS) {
              cases += 1;
              const what = `call ${at}, ${counting.calls[at - 1]}, ${kind} ${errno}, the process ${aftermath}`;
              await examine(operation, { at, kind, errno }, aftermath, what);
            }
          }
        }
      }
      t.diagnostic(`${counting.calls.length} calls, ${cases} cases`);
    });
  }

  async function examine(operation: Operation, fault: Fault, aftermath: string, what: string): Promise<void> {
    const disk = diskWith(operation.bytes);
    const mount = disk.mount();
    const file = lineFile(faultyFs(mount, fault));
    const error = await operation.act(file).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    assert.ok(error === undefined || error instanceof GaitError, `${what}: threw ${String(error)}`);
    if (aftermath === 'is killed') mount.kill();
    if (aftermath.startsWith('loses')) disk.crash(() => 'lost');
    if (aftermath.startsWith('keeps')) disk.crash(() => 'kept');
    const lines = (await linesOn(disk)) ?? '';
    const powered = aftermath === 'goes on' || aftermath === 'is killed';
    if (error === undefined) assert.equal(lines, operation.lines, `${what}: acknowledged`);
    // Whoever is told that an append failed will make it again.
    else if (powered && !replaces(operation)) assert.equal(lines, allowed(operation)[0], `${what}: refused`);
    else assert.ok(allowed(operation).includes(lines), `${what}: ${JSON.stringify(lines)}`);
    await goesOn(disk, aftermath === 'goes on' ? file : lineFile(disk.mount()), lines);
  }
});

describe('the power fails at any call, and any subset of what was not synced survives', () => {
  const fatesOf = (change: Pending): readonly Fate[] => {
    if (change.kind !== 'write') return ['lost', 'kept'];
    return ['lost', 'kept', 'zeros', { torn: 1 }, { torn: change.length - 1 }];
  };
  const combinations = (changes: readonly Pending[]): Fate[][] => {
    return changes
      .map(fatesOf)
      .reduce<Fate[][]>((all, fates) => all.flatMap((start) => fates.map((fate) => [...start, fate])), [[]]);
  };

  for (const operation of OPERATIONS) {
    test(operation.name, async (t) => {
      let cases = 0;
      for (let at = 1, calls = at; at <= calls + 1; at += 1) {
        const interrupt = async (): Promise<SimDisk> => {
          const disk = diskWith(operation.bytes);
          const fs = dyingFs(disk.mount(), at);
          await operation.act(lineFile(fs, 0)).catch(() => {});
          calls = Math.max(calls, Math.min(fs.calls(), at));
          return disk;
        };
        for (const fates of combinations((await interrupt()).pending())) {
          cases += 1;
          const disk = await interrupt();
          disk.crash((_, index) => fates[index] ?? 'lost');
          const lines = (await linesOn(disk)) ?? '';
          assert.ok(allowed(operation).includes(lines), `call ${at}, ${JSON.stringify({ fates, lines })}`);
          await goesOn(disk, lineFile(disk.mount()), lines);
        }
      }
      assert.ok(cases > 3);
      t.diagnostic(`${cases} cases`);
    });
  }
});

describe('many writers', () => {
  test('what each of them appends is there once, in the order in which it was acknowledged', async () => {
    const disk = diskWith();
    const files = Array.from({ length: 5 }, () => lineFile(disk.mount(), 5000));
    const acknowledged: string[] = [];
    const writes = Array.from({ length: 60 }, async (_, n) => {
      const file = files[n % files.length] ?? lineFile(disk.mount());
      if (n % 7 === 3) await file.read();
      await append(file, `line ${n}\n`);
      acknowledged.push(`line ${n}\n`);
    });
    await Promise.all(writes);
    assert.equal(new Set(acknowledged).size, 60);
    assert.equal(await linesOn(disk), acknowledged.join(''));
  });

  test('a lock that another holds: busy, retryable, nothing written; free again when that process dies', async () => {
    const disk = diskWith('a\n');
    const holder = disk.mount();
    assert.ok(holder.tryLock(holder.open(PATH, 'update')));
    const waiting = lineFile(disk.mount());
    await assert.rejects(append(waiting, 'b\n'), (error: GaitError) => {
      return gaitError('stream_busy', 'state_contention')(error) && error.retryable;
    });
    assert.equal(bytesAt(disk.mount(), PATH).toString(), 'a\n');
    holder.kill();
    assert.equal(await append(waiting, 'b\n'), 'a\n');
  });

  /** What another process does to the file, while one that has it open waits for its lock. */
  async function meanwhile(act: (fs: FsPort) => void, mode: 'update' | 'create'): Promise<[SimDisk, string]> {
    const disk = diskWith('old\n');
    const holder = disk.mount();
    assert.ok(holder.tryLock(holder.open(PATH, 'update')));
    const waiting = lineFile(disk.mount(), PATIENCE_MS).change(mode, (lines) => {
      return { append: Buffer.from('mine\n'), result: lines.toString() };
    });
    await sleep(5);
    act(holder);
    holder.kill();
    return [disk, await waiting];
  }

  test('a file that was replaced meanwhile: it is decided on the new one, and written there', async () => {
    const [disk, seen] = await meanwhile((fs) => {
      putBytes(fs, `${DIR}/other`, Buffer.from('new\n'));
      fs.rename(`${DIR}/other`, PATH);
    }, 'update');
    assert.deepEqual([seen, await linesOn(disk)], ['new\n', 'new\nmine\n']);
  });

  test('the same where a backup keeps the old file under a second name', async (t) => {
    const dir = await mkdtemp(join(tmpdir(), 'gait-lines-'));
    t.after(() => rm(dir, { recursive: true }));
    const path = join(dir, 'lines');
    await writeFile(path, 'old\n');
    await link(path, join(dir, 'backup'));
    const holder = nodeFs.open(path, 'update');
    assert.ok(nodeFs.tryLock(holder));
    const waiting = append(new LineFile({ path }), 'mine\n');
    await sleep(5);
    await writeFile(join(dir, 'other'), 'new\n');
    await rename(join(dir, 'other'), path);
    nodeFs.close(holder);
    assert.deepEqual([await waiting, await readFile(path, 'utf8')], ['new\n', 'new\nmine\n']);
  });

  test('a file that was removed meanwhile is made anew, or is missing', async () => {
    const [disk, seen] = await meanwhile((fs) => fs.remove(PATH), 'create');
    assert.deepEqual([seen, await linesOn(disk)], ['', 'mine\n']);
    await assert.rejects(
      meanwhile((fs) => fs.remove(PATH), 'update'),
      { details: { errno: 'ENOENT' } },
    );
  });
});

describe('a decision', () => {
  test('that throws, or wants nothing, writes nothing, and holds no lock', async () => {
    const disk = diskWith('a\nto');
    const file = lineFile(disk.mount());
    const refusal = new GaitError({ code: 'test.no', category: 'invalid_input', message: 'no' });
    const refusing = file.change('update', () => {
      throw refusal;
    });
    await assert.rejects(refusing, (error) => error === refusal);
    assert.equal(await file.change('update', () => ({ result: 'seen' })), 'seen');
    assert.equal(bytesAt(disk.mount(), PATH).toString(), 'a\nto');
    assert.deepEqual(disk.pending(), []);
    assert.equal(await append(lineFile(disk.mount(), 0), 'b\n'), 'a\n');
  });

  test('to replace the lines leaves nothing of an earlier replacement that died', async () => {
    const disk = diskWith('a\nb\n');
    putBytes(disk.mount(), `${DIR}/.lines.new`, Buffer.from('longer than what comes now\n'));
    await lineFile(disk.mount()).change('update', () => ({ replace: Buffer.from('b\n'), result: 1 }));
    assert.deepEqual([await linesOn(disk), disk.mount().names(DIR)], ['b\n', ['lines']]);
  });

  test('on a file that is not there: reading answers so, updating is refused, and none is made', async () => {
    const disk = diskWith();
    assert.equal(await linesOn(disk), undefined);
    await assert.rejects(
      lineFile(disk.mount()).change('update', () => ({ append: Buffer.from('b\n'), result: 1 })),
      { details: { errno: 'ENOENT' } },
    );
    assert.deepEqual(disk.mount().names(DIR), []);
  });
});

describe('reads and writes that come in pieces', () => {
  test('of a few bytes each', async () => {
    const disk = diskWith(`a\n${LINE}`);
    const mount = disk.mount();
    const halting: FsPort = {
      ...mount,
      read: (fd, buffer, position) => mount.read(fd, buffer.subarray(0, 5), position),
      write: (fd, bytes, position) => mount.write(fd, bytes.subarray(0, 3), position),
    };
    assert.equal(await append(lineFile(halting), LINE), `a\n${LINE}`);
    await lineFile(halting).change('update', () => ({ replace: Buffer.from(`${LINE}z\n`), result: 1 }));
    assert.equal(await linesOn(disk), `${LINE}z\n`);
  });

  test('a file of several MiB is read as it is, appended to and replaced', async (t) => {
    const dir = await mkdtemp(join(tmpdir(), 'gait-lines-'));
    t.after(() => rm(dir, { recursive: true }));
    const path = join(dir, 'deep', 'er', 'lines');
    const file = new LineFile({ path });
    const lines = Array.from({ length: 40_000 }, (_, n) => `line ${n} ${'x'.repeat(n % 100)}\n`).join('');
    assert.ok(lines.length > 2 * 1024 * 1024);
    await append(file, lines);
    assert.equal((await stat(path)).mode & 0o777, 0o600);
    assert.ok((await append(file, 'last\n')) === lines, 'it was read as something else');
    assert.ok((await file.read())?.toString() === `${lines}last\n`, 'it was read as something else');
    await file.change('update', (now) => ({ replace: now.subarray(0, lines.length), result: 1 }));
    assert.ok((await new LineFile({ path }).read())?.toString() === lines);
  });
});
