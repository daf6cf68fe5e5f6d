/** gait as a library: all of its subpaths in one. Command-line concerns are not in it. */

export * from './gate.ts';
export * from './job.ts';
export * from './log.ts';
export * from './pack.ts';
export * from './run.ts';
