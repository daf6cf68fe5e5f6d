import { readFileSync } from 'node:fs';
import { type Answer, type Case, corpusPath, placeOf, stepsOf, VERSIONS } from './corpus.ts';
import type { Difference } from './difference.ts';
import { placesOf, pointersFor, valueAt } from './fields.ts';
import { at, blanked, isObject, type Json, parseJson } from './json_values.ts';
import type { Printed } from './run_case.ts';

/** Whether a version ended every command as gait ended it: with the same code, or with a decision as well. */
export function sameEnds(
  one: Case,
  printed: readonly Printed[],
  version: (typeof VERSIONS)[number],
): boolean {
  return stepsOf(one).every(({ command, results }, index) =>
    isAlike(command, results[version].exit, printed[index]?.exit ?? -1),
  );
}

/** The exit codes of a gate that decided. Version 1.2.0 ends a block with 0, so what it decided is compared all the same. */
const DECIDED: ReadonlySet<number> = new Set([0, 3, 4]);

function isAlike(command: readonly string[], theirs: number, ours: number): boolean {
  const decides = command[0] === 'gate' || command.slice(0, 2).join(' ') === 'policy test';
  return theirs === ours || (decides && DECIDED.has(theirs) && DECIDED.has(ours));
}

/** Differences in the exit codes and in the fields of the JSON that is printed. */
export function differingAnswers(one: Case, printed: readonly Printed[]): Difference[] {
  return stepsOf(one).flatMap(({ command, results }, index) => {
    const mine = printed[index];
    if (mine === undefined) throw new Error(`${one.id}: step ${index + 1} was not run`);
    const recorded = VERSIONS.map((version) => results[version]);
    const base = { kind: one.kind, place: placeOf(one, index) };
    if (recorded.some(({ exit }) => exit === mine.exit)) {
      return differingFields(command, recorded, mine).map((difference) => ({ ...base, ...difference }));
    }
    const go = recorded.map(({ exit }) => exit).join(' / ');
    return [{ ...base, what: 'exit', go, gait: String(mine.exit), note: errorsOf(recorded, mine) }];
  });
}

type Part = Pick<Difference, 'what' | 'go' | 'gait' | 'note'>;

/** Only against answers that ended the same way, and not where one of these is no more than an error. */
function differingFields(command: readonly string[], recorded: readonly Answer[], mine: Printed): Part[] {
  if (mine.exit !== 2 && !DECIDED.has(mine.exit)) return [];
  const volatile = recorded.flatMap((answer) => answer.volatile ?? []);
  const alike = recorded.filter(({ exit }) => isAlike(command, exit, mine.exit)).map(documentOf);
  const theirs = alike
    .filter((document) => document !== undefined && at(document, '/error') === undefined)
    .map((document) => blanked(document as Json, volatile));
  if (theirs.length < alike.length) return [];
  const printed = parseJson(mine.stdout);
  if (!isObject(printed)) {
    return [{ what: 'stdout *', go: 'a JSON object', gait: mine.stdout, note: mine.stderr }];
  }
  const ours = blanked(printed, volatile);
  const pointers = pointersFor(command, [...theirs, ours]);
  return pointers
    .flatMap((field) => placesOf(field, theirs, ours))
    .flatMap((pointer) => {
      const [expected, actual] = [theirs.map((answer) => valueAt(answer, pointer)), valueAt(ours, pointer)];
      if (expected.includes(actual)) return [];
      const go = expected.map((value) => value ?? 'absent').join(' / ');
      return [{ what: `stdout ${pointer}`, go, gait: actual ?? 'absent', note: errorsOf(recorded, mine) }];
    });
}

function documentOf({ stdout_json: path }: Answer): Json | undefined {
  return typeof path === 'string' ? parseJson(readFileSync(corpusPath(path), 'utf8')) : undefined;
}

function errorsOf(recorded: readonly Answer[], mine: Printed): string {
  const theirs = new Set(recorded.map(documentOf).map((document) => at(document, '/error')));
  const go = [...theirs].filter((error) => typeof error === 'string').join(' / ');
  const gait = ourError(mine);
  return [go === '' ? '' : `go said: ${go}`, gait === '' ? '' : `gait said: ${gait}`]
    .filter(Boolean)
    .join(' | ');
}

/** The code and text of the error, and the findings of a verification, as far as they are printed. */
function ourError({ stdout, stderr }: Printed): string {
  const printed = parseJson(stdout);
  if (printed === undefined) return stderr.trim().split('\n')[0] ?? '';
  const error = at(printed, '/error');
  const text = error === undefined ? '' : `${textOf(at(printed, '/error_code'))}: ${textOf(error)}`;
  const found = at(printed, '/verify/findings') ?? at(printed, '/findings');
  const codes = (Array.isArray(found) ? found : []).map((finding) =>
    [at(finding, '/code'), at(finding, '/member')].map(textOf).join(' ').trim(),
  );
  return [text, ...new Set(codes)].filter(Boolean).join('; ');
}

function textOf(value: Json | undefined): string {
  if (value === undefined) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}
