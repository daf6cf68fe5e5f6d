import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { command } from '../../src/cli/command.ts';
import { type BrokerValues, brokerFlags } from '../../src/cli/flags/broker.ts';
import { type BrokerProfile, brokerOf } from '../../src/cli/flags/broker_open.ts';
import { type Io, processIo } from '../../src/cli/io.ts';
import { parseCommandLine } from '../../src/cli/parse.ts';
import type { Credential, CredentialFault, Issued } from '../../src/gate/credentials/credential.ts';
import type { CredentialRequest } from '../../src/gate/credentials/request.ts';

export const NOW = '2026-03-01T09:30:00Z';

export const REQUEST: CredentialRequest = {
  toolName: 'tool.write',
  identity: 'alice',
  workspace: '/srv',
  sessionId: 's',
  requestId: '',
  reference: 'vault-main',
  scope: ['read'],
};

/** The flags of a command line, as a command that may issue credentials has them. */
export function flagsOf(...argv: readonly string[]): BrokerValues {
  const spec = command({
    output: { schemaId: 'test', operation: 'test' },
    summary: '',
    examples: [],
    flags: brokerFlags,
    run: async () => ({ fields: {}, lines: [] }),
  });
  return parseCommandLine(spec, argv).flags;
}

export function ioOf(env: NodeJS.ProcessEnv): Io {
  return { ...processIo(true), env };
}

/** A directory of programs of a test, at the head of its PATH. */
export class Programs {
  readonly dir: string = mkdtempSync(join(tmpdir(), 'gait-broker-'));

  constructor(t: Pick<TestContext, 'after'>) {
    t.after(() => rmSync(this.dir, { recursive: true, force: true }));
  }

  path(...names: readonly string[]): string {
    return join(this.dir, ...names);
  }

  /** A program of the shell that runs in the directory. */
  script(name: string, ...lines: readonly string[]): string {
    const text = ['#!/bin/sh', `cd '${this.dir}'`, ...lines, ''].join('\n');
    writeFileSync(this.path(name), text, { mode: 0o755 });
    return this.path(name);
  }

  link(name: string, target: string): string {
    symlinkSync(target, this.path(name));
    return this.path(name);
  }

  /** What the broker command issues, asked now; a request, flags and variables may differ from the usual. */
  async issue(
    name: string,
    more: {
      readonly argv?: readonly string[];
      readonly env?: NodeJS.ProcessEnv;
      readonly request?: CredentialRequest;
      readonly profile?: BrokerProfile;
      /** Done between finding the command and running it. */
      readonly between?: () => void;
    } = {},
  ): Promise<Issued> {
    const { argv = [], env = {}, request = REQUEST, profile = 'standard', between } = more;
    const flags = flagsOf('--credential-broker', 'command', '--credential-command', name, ...argv);
    const broker = brokerOf(flags, ioOf({ PATH: `${this.dir}:/usr/bin:/bin`, ...env }), profile);
    assert.ok(broker !== undefined);
    between?.();
    return broker.issue(request, NOW);
  }
}

export function credentialIn(issued: Issued): Credential {
  assert.ok('credential' in issued, JSON.stringify(issued));
  return issued.credential;
}

export function faultIn(issued: Issued): CredentialFault {
  assert.ok('fault' in issued, JSON.stringify(issued));
  return issued.fault;
}

/** A process in the background that writes to `beat` and ignores being asked to end, waited for until it does. */
export const HEART: string =
  "(trap '' TERM HUP INT; while :; do echo beat; sleep 0.02; done) > beat 2>&1 &\n" +
  'while [ ! -s beat ]; do sleep 0.02; done';

/** Asserts that the process that wrote to a file did so, and does no more. */
export async function assertStopped(file: string): Promise<void> {
  const { size } = await stat(file);
  assert.ok(size > 0, 'it was started');
  await sleep(300);
  assert.equal((await stat(file)).size, size, 'it still runs');
}
