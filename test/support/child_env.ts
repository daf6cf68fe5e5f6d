/** The environment for child processes: without the extra certificates, whose parsing slows every start of Node. */
export function childEnv(): NodeJS.ProcessEnv {
  const { NODE_EXTRA_CA_CERTS: _, ...env } = process.env;
  return env;
}
