/**
 * A worker that runs one command on the real ports, for the tests of the guard: prints how it ended. Words: for how many
 * milliseconds it may live, how often that is renewed (0: never), and the script of the command.
 */

import { realPorts } from '../../src/host/process/spawn.ts';
import { environmentHere } from '../../src/job/environment.ts';

const [ms = '', every = '', script = ''] = process.argv.slice(2);
const task = { argv: ['sh', '-c', script], cwd: process.cwd(), pass_env: [] };
const running = realPorts(process.env, 'stderr', environmentHere).start(task, {}, Number(ms));
const renewing = Number(every) === 0 ? undefined : setInterval(() => running.beat(Number(ms)), Number(every));
const ended = await running.ended;
clearInterval(renewing);
console.log(JSON.stringify(ended));
