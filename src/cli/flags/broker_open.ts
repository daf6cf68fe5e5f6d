import { invalidInput } from '../../core/errors.ts';
import { epochMs, type Timestamp, timestamp } from '../../core/time.ts';
import { credentialFault, faultOf, type Issued, stubCredential } from '../../gate/credentials/credential.ts';
import { readCredential } from '../../gate/credentials/reader.ts';
import {
  type CredentialRequest,
  requestBytes,
  type WantedCredential,
} from '../../gate/credentials/request.ts';
import { commandEnvironment, isStillThere, requiredCommand } from '../../host/brokers/command.ts';
import { envCredential } from '../../host/brokers/env.ts';
import { runBroker } from '../../host/brokers/process.ts';
import { csv } from '../../host/read_json.ts';
import type { Io } from '../io.ts';
import { BROKERS, type BrokerValues, envPrefixOf, timeoutOf } from './broker.ts';

/** Who issues credentials for calls that the gate would let through. */
export interface Broker {
  readonly name: string;
  /** Asks for a credential at this instant. Never throws for what the broker does. */
  issue(request: CredentialRequest, now: Timestamp): Promise<Issued>;
}

export type BrokerProfile = 'standard' | 'oss-prod';

/**
 * The broker that the flags name; undefined for none. Throws `flag_value_invalid`, `flag_missing`, `command_not_allowed`
 * and `allow_list_missing` (invalid_input).
 */
export function brokerOf(flags: BrokerValues, io: Io, profile: BrokerProfile): Broker | undefined {
  const name = flags['credential-broker'];
  switch (name) {
    case 'off':
      return undefined;
    case 'stub':
      return { name, issue: async (request, now) => ({ credential: stubCredential(request, now) }) };
    case 'env': {
      const prefix = envPrefixOf(flags);
      return {
        name,
        issue: async (request, now) => counting(envCredential(request, prefix, io.env, now), now),
      };
    }
    case 'command':
      return commandBroker(flags, io, profile);
    default: {
      const hint = `Possible: ${BROKERS.join(', ')}.`;
      throw invalidInput(
        'flag_value_invalid',
        `there is no broker ${JSON.stringify(name.slice(0, 40))}`,
        hint,
      );
    }
  }
}

/** What the flags ask for beside the rules. */
export function askedOf(flags: BrokerValues): WantedCredential {
  return { reference: flags['credential-ref'], scopes: csv(flags['credential-scopes']) };
}

function commandBroker(flags: BrokerValues, io: Io, profile: BrokerProfile): Broker {
  const found = requiredCommand(flags['credential-command'], io.env, profile);
  const args = csv(flags['credential-command-args']);
  const env = commandEnvironment(io.env, flags['credential-pass-env']);
  const timeoutMs = timeoutOf(flags);
  const issue = async (request: CredentialRequest, now: Timestamp): Promise<Issued> => {
    if (found === undefined || !isStillThere(found)) return missing('the command is not there');
    const started = performance.now();
    const answer = await runBroker({ ...found, args, env, timeoutMs }, requestBytes(request));
    if ('failed' in answer) return missing(answer.failed);
    const then = timestamp(epochMs(now) + performance.now() - started);
    return counting(readCredential(answer.stdout, 'command', then), then);
  };
  return { name: 'command', issue };
}

/** Only a credential that counts is one. */
function counting(issued: Issued, now: Timestamp): Issued {
  if ('fault' in issued) return issued;
  const fault = credentialFault(issued.credential, now);
  return fault === undefined ? issued : { fault };
}

function missing(detail: string): Issued {
  return faultOf('broker_credential_missing', detail);
}
