import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { childEnv } from '../../support/shell.ts';
import { has } from '../gait.ts';

/** A lock that everybody gets. */
export const LYING_LOCK = `
int flock(int fd, int how) { return 0; }
`;

/** The clock of the machine, and not the one that nobody sets, is so many seconds off. */
export const WRONG_CLOCK = `
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long off(void) {
  const char *text = getenv("SECONDS_OFF");
  return text == NULL ? 0 : atol(text);
}
int clock_gettime(clockid_t clock, struct timespec *at) {
  int failed = syscall(SYS_clock_gettime, clock, at);
  if (failed == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) at->tv_sec += off();
  return failed;
}
int gettimeofday(struct timeval *at, void *zone) {
  struct timespec now;
  int failed = clock_gettime(CLOCK_REALTIME, &now);
  at->tv_sec = now.tv_sec;
  at->tv_usec = now.tv_nsec / 1000;
  return failed;
}
time_t time(time_t *at) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (at != NULL) *at = now.tv_sec;
  return now.tv_sec;
}
`;

export function needsCompiler(): string | undefined {
  if (process.platform !== 'linux') return 'not Linux';
  return has('cc', '--version') ? undefined : 'no C compiler';
}

/** Compiles a library to be put before all others, and answers the environment that does so. */
export function preloaded(dir: string, source: string): Record<string, string> {
  const [from, to] = [join(dir, 'shim.c'), join(dir, 'shim.so')];
  writeFileSync(from, source);
  const { status, stderr } = spawnSync('cc', ['-shared', '-fPIC', '-O1', '-o', to, from], {
    env: childEnv(),
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`the shim does not compile: ${stderr}`);
  return { LD_PRELOAD: to };
}
