import { brokerOf } from '../../src/cli/flags/broker_open.ts';
import { flagsOf, ioOf, NOW, REQUEST } from '../support/brokers.ts';

/** Asks the command of its first argument for a credential, and says so if it lives to see the answer. */
const [, , command = '', listen] = process.argv;
if (listen === 'listen') process.on('SIGTERM', () => console.log('heard'));
const flags = flagsOf(
  '--credential-broker',
  'command',
  '--credential-command',
  command,
  '--credential-timeout',
  '2m',
);
const issued = await brokerOf(flags, ioOf(process.env), 'standard')?.issue(REQUEST, NOW);
console.log(JSON.stringify(issued));
