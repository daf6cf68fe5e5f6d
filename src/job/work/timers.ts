import { pause } from '../read/follow.ts';

/** What wakes those who hold a lease, so that a simulation can put its own time in place of the machine's. */
export interface Timers {
  /** Acts every so many milliseconds, until the function that it answers is called. Keeps no process alive. */
  every(ms: number, act: () => void): () => void;
  /** Resolves after so long, or when the signal aborts. */
  pause(ms: number, signal: AbortSignal): Promise<void>;
}

export const nodeTimers: Timers = {
  every(ms, act) {
    const timer = setInterval(act, ms);
    timer.unref();
    return () => clearInterval(timer);
  },
  pause,
};
