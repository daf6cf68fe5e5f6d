import type { Fields } from '../../core/fields.ts';
import { lowered, trimmed } from '../../core/text.ts';
import {
  ENDPOINT_CLASSES,
  type EndpointClass,
  inferredClass,
  isDestructive,
  TARGET_KINDS,
  writtenDomain,
} from '../target/endpoint.ts';
import { digestIn, invalid, needed, oneOf, sortedOnce, word } from './fields.ts';
import { PROVENANCE_SOURCES, type Provenance, type Target } from './intent.ts';

/** An intent with more targets than this is refused. */
export const MAX_TARGETS = 1024;

/** What a call is done to, each once, in one order; what is not said is inferred. */
export function targetsOf(all: readonly Fields[], toolName: string): Target[] {
  if (all.length > MAX_TARGETS) throw invalid(`it has ${all.length} targets; the limit is ${MAX_TARGETS}`);
  const targets = all.map((fields, index) => targetOf(fields, `targets[${index}]`, toolName));
  const order = (target: Target): string[] => [
    ...[target.kind, target.value, target.operation ?? '', target.sensitivity ?? '', target.endpoint_class],
    ...[target.endpoint_domain ?? '', target.destructive === true ? '1' : '0'],
  ];
  return sortedOnce(targets, order);
}

function targetOf(fields: Fields, place: string, toolName: string): Target {
  const kind = oneOf(TARGET_KINDS, lowered(needed(fields, 'kind')), `${place}.kind`);
  const value = needed(fields, 'value');
  const operation = word(fields, 'operation');
  const sensitivity = word(fields, 'sensitivity');
  const declared = word(fields, 'endpoint_class');
  const endpoint_class: EndpointClass =
    declared === ''
      ? inferredClass(kind, operation, toolName)
      : oneOf(ENDPOINT_CLASSES, declared, `${place}.endpoint_class`);
  const endpoint_domain = word(fields, 'endpoint_domain') || writtenDomain(kind, value);
  const destructive = fields.flag('destructive') === true || isDestructive(endpoint_class, operation);
  fields.ignored();
  return {
    kind,
    value,
    ...(operation === '' ? {} : { operation }),
    ...(sensitivity === '' ? {} : { sensitivity }),
    endpoint_class,
    ...(endpoint_domain === '' ? {} : { endpoint_domain }),
    ...(destructive ? { destructive } : {}),
  };
}

/** Where arguments are from, each once, in one order. */
export function provenanceOf(all: readonly Fields[]): Provenance[] {
  const entries = all.map((fields, index): Provenance => {
    const place = `arg_provenance[${index}]`;
    const arg_path = needed(fields, 'arg_path');
    const source = oneOf(PROVENANCE_SOURCES, lowered(needed(fields, 'source')), `${place}.source`);
    const source_ref = trimmed(fields.text('source_ref') ?? '');
    const integrity_digest = digestIn(fields, 'integrity_digest', place);
    fields.ignored();
    return {
      arg_path,
      source,
      ...(source_ref === '' ? {} : { source_ref }),
      ...(integrity_digest === '' ? {} : { integrity_digest }),
    };
  });
  return sortedOnce(entries, (entry) => [
    ...[entry.arg_path, entry.source, entry.source_ref ?? '', entry.integrity_digest ?? ''],
  ]);
}
