import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Clock, manualClock } from '../../src/core/clock.ts';
import type { GaitError } from '../../src/core/errors.ts';
import type { JobEvent } from '../../src/job/events.ts';
import { JobWorkspace } from '../../src/job/open.ts';
import { eventOf } from '../../src/job/read/history.ts';
import type { LeasedJob } from '../../src/job/work/leased_job.ts';
import type { EventStore } from '../../src/log/store.ts';
import { JOB_ID } from './given.ts';
import { fileStores, type JobStores, memoryStores } from './job_stores.ts';
import { until } from './until.ts';

export { until };

export const TTL = 1200;
export const GRACE = 100;

export const QUESTION = { summary: 'table 13 has another schema', requiredAction: 'move it all the same?' };
export const OTHER = { summary: 'the disk is nearly full', requiredAction: 'delete the copies?' };

/** Agents and persons on the same jobs, with clocks that only move when they are told to. */
export class Scene {
  readonly #stores: JobStores;
  readonly #opened: JobWorkspace[] = [];
  readonly clock: Clock & { advance(ms: number): void } = manualClock(Date.UTC(2026, 1, 14));
  #monotonic = 0;

  constructor(stores: JobStores) {
    this.#stores = stores;
  }

  /** A workspace as another process would open it. */
  workspace(actor: string, store: EventStore = this.#stores.open()): JobWorkspace {
    const monotonic = (): number => this.#monotonic;
    const opened = new JobWorkspace({ actor, store, clock: this.clock, monotonic });
    this.#opened.push(opened);
    return opened;
  }

  store(): EventStore {
    return this.#stores.open();
  }

  /** Both clocks go on. */
  pass(ms: number): void {
    this.clock.advance(ms);
    this.passUnnoticed(ms);
  }

  /** Only the clock goes on that nobody sets. */
  passUnnoticed(ms: number): void {
    this.#monotonic += ms;
  }

  /** A submitted job and its lease. */
  async leased(workspace: JobWorkspace): Promise<LeasedJob> {
    await workspace.submit(JOB_ID);
    return workspace.claim(JOB_ID, { ttlMs: TTL, graceMs: GRACE });
  }

  async events(): Promise<JobEvent[]> {
    return (await this.workspace('reader').history(JOB_ID)).records.map(eventOf);
  }

  async types(): Promise<string[]> {
    return (await this.events()).map(({ type }) => type);
  }

  async count(type: JobEvent['type']): Promise<number> {
    return (await this.types()).filter((one) => one === type).length;
  }

  /** How often a person was asked. */
  async askings(): Promise<number> {
    const { checkpoints } = await this.workspace('reader').history(JOB_ID);
    return checkpoints.filter(({ type }) => type === 'decision-needed').length;
  }

  async close(): Promise<void> {
    for (const opened of this.#opened) await opened.close();
  }
}

/** The reason with which a signal aborts. */
export async function reasonOf(signal: AbortSignal): Promise<GaitError> {
  await until('the signal aborts', () => signal.aborted);
  return signal.reason;
}

/** So long that a background look or two would have come. */
export async function aFewLooks(): Promise<void> {
  await sleep(400);
}

type SceneTest = (title: string, body: (scene: Scene) => Promise<void>) => void;

/** What declares tests with a scene of their own, for each kind of store. */
export const SCENES: readonly (readonly [kind: string, scene: SceneTest])[] = [
  ['memory store', sceneIn(async () => memoryStores())],
  ['file store', sceneIn(fileStores)],
];

function sceneIn(open: () => Promise<JobStores>): SceneTest {
  return (title, body) => {
    test(title, async () => {
      const stores = await open();
      const made = new Scene(stores);
      try {
        await body(made);
      } finally {
        await made.close();
        await stores.dispose();
      }
    });
  };
}
