import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { SimDisk } from '../../src/files/sim.ts';
import { CONFORMANCE, CONFORMANCE_ID_FIELD, type ConformanceSubject } from '../../src/log/conformance.ts';
import { FileStore } from '../../src/log/stores/file_store.ts';
import { MemoryStore } from '../../src/log/stores/memory_store.ts';

function fileSubject(): ConformanceSubject {
  let root = '';
  const open = () => new FileStore({ root, idField: CONFORMANCE_ID_FIELD });
  return {
    async open() {
      root = join(await mkdtemp(join(tmpdir(), 'gait-conformance-')), 'streams');
      return open();
    },
    again: async () => open(),
    dispose: () => rm(join(root, '..'), { recursive: true }),
  };
}

function simulatedSubject(): ConformanceSubject {
  const disk = new SimDisk();
  const open = () => new FileStore({ root: '/streams', idField: CONFORMANCE_ID_FIELD, fs: disk.mount() });
  return { open: async () => open(), again: async () => open() };
}

const SUBJECTS: Record<string, () => ConformanceSubject> = {
  'file store': fileSubject,
  'file store on a simulated disk': simulatedSubject,
  'memory store': () => ({ open: async () => new MemoryStore() }),
};

for (const [name, subject] of Object.entries(SUBJECTS)) {
  describe(`conformance: ${name}`, () => {
    for (const { name: title, run } of CONFORMANCE) test(title, () => run(subject()));
  });
}
