/** `gait/testing`: what proves things about stores and deciders: the conformance suite, given/when/then, a disk that loses power. */

export { manualClock } from './core/clock.ts';
export { type Fault, faultyFs } from './files/faulty.ts';
export { SimDisk } from './files/sim.ts';
export {
  CONFORMANCE,
  CONFORMANCE_ID_FIELD,
  type ConformanceCase,
  type ConformanceSubject,
} from './log/conformance.ts';
export { type DeciderOutcome, type GivenEvents, specify } from './log/specification.ts';
