// A process of its own for scripts/simulate.mjs: `FROM STEP COUNT` simulates the seeds FROM, FROM + STEP …, and prints
// a line of JSON for each; `trace SEED` prints what happens, and ends with 1 when a promise is broken.
import { writeSync } from 'node:fs';
import { simulate } from './simulate.ts';

const [first = '', step = '1', count = '0'] = process.argv.slice(2);

if (first === 'trace') {
  const { trace, digest, failure } = await simulate(Number(step));
  process.stdout.write(`${[...trace, `digest ${digest}`].join('\n')}\n`);
  if (failure !== undefined) process.exitCode = 1;
} else {
  Error.stackTraceLimit = 0; // refusals are the everyday of a simulation, and nobody reads where they arose
  for (let i = 0; i < Number(count); i += 1) {
    const { seed, tally, failure, digest } = await simulate(Number(first) + i * Number(step));
    writeSync(1, `${JSON.stringify({ seed, tally, failure, digest })}\n`);
  }
}
