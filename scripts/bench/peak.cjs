// Preloaded into a command that is measured: says at its end how much memory it had at its most, in KiB.
const { readFileSync, writeFileSync } = require('node:fs');

process.on('exit', () => writeFileSync(process.env.GAIT_PEAK_FILE, String(peak())));

/** Of this program alone: what getrusage says would count the parent that it was forked from too. */
function peak() {
  try {
    return /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))[1];
  } catch {
    return process.resourceUsage().maxRSS;
  }
}
