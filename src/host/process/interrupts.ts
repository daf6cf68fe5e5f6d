/** Signals that ask a worker to end: aborted at the first of them; `again` is called at each one after it. */
export function onInterrupt(again: () => void = () => {}): { readonly signal: AbortSignal; release(): void } {
  const controller = new AbortController();
  const handle = (name: NodeJS.Signals): void => {
    if (controller.signal.aborted) again();
    else controller.abort(name);
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const name of signals) process.on(name, handle);
  return {
    signal: controller.signal,
    release: () => {
      for (const name of signals) process.off(name, handle);
    },
  };
}
