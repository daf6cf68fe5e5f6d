import type { Stage } from './stage.ts';

/** What a fault is told to. */
export type Fault = (what: string) => void;

/** A place in which gait has it hard. */
export interface Place {
  readonly name: string;
  readonly done: string;
  readonly must: string;
  /** Why it cannot be had here; undefined if it can. */
  missing(): string | undefined;
  act(stage: Stage, fault: Fault): Promise<void>;
}

export const isRoot: boolean = process.getuid?.() === 0;

export function needsRoot(): string | undefined {
  return isRoot ? undefined : 'not root';
}
