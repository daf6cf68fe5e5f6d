import process from 'node:process';
import { killGroup } from './groups.ts';
import { uptime, Watches } from './guard_watches.ts';

/**
 * The guard of a worker's commands, a process beside it: kills a command's group when its time is over, and all of them
 * when the worker is gone, which is when the standard input ends. Nothing else ends it: a signal that is meant for a whole
 * session or service must not take the commands' guard away before the worker has ended them.
 */
const IGNORED = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const;
/** A timer of Node that is set for longer goes off at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

const watches = new Watches();
let timer: NodeJS.Timeout | undefined;
let rest = '';

function say(words: string): void {
  process.stdout.write(`${words}\n`);
}

function enforce(): void {
  for (const group of watches.due(uptime())) {
    killGroup(group, 'SIGKILL');
    say(`killed ${group}`);
  }
  clearTimeout(timer);
  const left = watches.next() - uptime();
  // Whoever was stopped meanwhile first hears what was said in time: the immediate comes after the reading.
  if (left !== Number.POSITIVE_INFINITY)
    timer = setTimeout(() => setImmediate(enforce), Math.min(Math.max(1, Math.ceil(left)), MAX_TIMER_MS));
}

function end(): void {
  for (const group of watches.all()) killGroup(group, 'SIGKILL');
  process.exit();
}

for (const name of IGNORED) process.on(name, () => {});
process.stdout.on('error', () => {});
process.stdin.on('error', end).on('end', end).on('close', end);
process.stdin.setEncoding('latin1').on('data', (text) => {
  const lines = `${rest}${text}`.split('\n');
  rest = lines.pop() ?? '';
  for (const line of lines) {
    const answer = watches.hear(line, uptime());
    if (answer !== undefined) say(answer);
  }
  enforce();
});
