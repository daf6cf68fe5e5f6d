import { writeSync } from 'node:fs';
import { simulateRuns } from './simulate_runs.ts';

// `FROM STEP COUNT` or `trace SEED`, as test/simulate/lane.ts.
const [first = '', step = '1', count = '0'] = process.argv.slice(2);

if (first === 'trace') {
  const { trace, digest, failure } = await simulateRuns(Number(step));
  process.stdout.write(`${[...trace, `digest ${digest}`].join('\n')}\n`);
  if (failure !== undefined) process.exitCode = 1;
} else {
  Error.stackTraceLimit = 0;
  for (let i = 0; i < Number(count); i += 1) {
    const { seed, tally, failure, digest } = await simulateRuns(Number(first) + i * Number(step));
    writeSync(1, `${JSON.stringify({ seed, tally, failure, digest })}\n`);
  }
}
