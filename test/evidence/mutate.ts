import type { Prng } from '../simulate/prng.ts';

type Members = { readonly [name: string]: unknown };

const NAMES = ['verdict', 'run_id', 'ext', 'simulated', 'status', '__proto__', 'signature', 'note'] as const;
const TEXTS = ['', 'allow', 'ok', 'approved-by-the-board', '2030-01-01T00:00:00Z', 'f'.repeat(64)] as const;

/** What a forger makes of a value: one change somewhere in it; `donor` is another honest one, to take from. */
export function mutated(value: unknown, donor: unknown, p: Prng): unknown {
  if (Array.isArray(value)) return p.chance(0.3) ? mutatedList(value, donor, p) : deeper(value, donor, p);
  if (typeof value === 'object' && value !== null) {
    return p.chance(0.3) ? mutatedObject(value as Members, donor, p) : deeper(value as Members, donor, p);
  }
  if (donor !== undefined && p.chance(0.25)) return donor;
  if (typeof value === 'string') return mutatedText(value, p);
  if (typeof value === 'number') return p.pick([value + 1, value - 1, -value, 0, String(value)]);
  if (typeof value === 'boolean') return !value;
  return p.pick([null, false, 0, '', {}, []]);
}

function mutatedText(text: string, p: Prng): string {
  const at = p.below(text.length + 1);
  const digit = String(p.below(10));
  return p.pick([
    `${text.slice(0, at)}${digit}${text.slice(at + 1)}`,
    `${text.slice(0, at)}${text.slice(at + 1)}`,
    `${text}${p.pick([' ', '\u200b', '\u0000', 'x', '\n'])}`,
    text.toUpperCase(),
    text.toLowerCase(),
    text.replace('Z', '+00:00'),
    p.pick(TEXTS),
  ]);
}

function mutatedList(list: readonly unknown[], donor: unknown, p: Prng): unknown {
  const at = p.below(list.length);
  const one: unknown = list[at] ?? null;
  const rest = list.filter((_, i) => i !== at);
  const other = Array.isArray(donor) ? (donor as unknown[]) : [];
  return p.pick<unknown>([
    rest,
    [...list, one],
    [one, ...rest],
    [...rest, one],
    other,
    [...list, ...other],
    [],
  ]);
}

function mutatedObject(object: Members, donor: unknown, p: Prng): unknown {
  const names = Object.keys(object);
  const name = names[p.below(names.length)] ?? 'x';
  const { [name]: value = null, ...rest } = object;
  const more: unknown = p.pick<unknown>([value, null, true, 'x', {}, [], 0]);
  return p.pick<unknown>([
    rest,
    Object.fromEntries([...Object.entries(object), [p.pick(NAMES), more]]),
    { ...rest, [name]: null },
    { ...rest, [name.toUpperCase()]: value },
    { ...object, ...(isMembers(donor) && Object.hasOwn(donor, name) ? { [name]: donor[name] } : {}) },
    isMembers(donor) ? donor : object,
  ]);
}

function deeper<T extends readonly unknown[] | Members>(value: T, donor: unknown, p: Prng): unknown {
  const keys = Object.keys(value);
  const key = keys[p.below(keys.length)];
  if (key === undefined) return Array.isArray(value) ? [null] : { x: null };
  const inside = (value as Members)[key];
  const from = isMembers(donor) || Array.isArray(donor) ? (donor as Members)[key] : undefined;
  const made = mutated(inside, from, p);
  if (Array.isArray(value)) return value.map((one: unknown, i) => (String(i) === key ? made : one));
  return { ...value, [key]: made };
}

export function isMembers(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The lines of a member with one of them mutated, left out, doubled, moved, or put in from another one. */
export function mutatedLines(
  text: string,
  donor: string,
  p: Prng,
  write: (value: unknown) => string,
): string {
  const lines = text.split('\n').slice(0, -1);
  const others = donor.split('\n').slice(0, -1);
  const at = p.below(lines.length);
  const other = others[p.below(others.length)] ?? '{}';
  const line = lines[at] ?? '{}';
  const rest = lines.filter((_, i) => i !== at);
  const changed = write(mutated(JSON.parse(line), JSON.parse(other), p));
  const made = p.pick([
    lines.map((one, i) => (i === at ? changed : one)),
    lines.map((one, i) => (i === at ? changed : one)),
    lines.map((one, i) => (i === at ? other : one)),
    rest,
    [...lines, line],
    [line, ...rest],
    others,
  ]);
  return made.map((one) => `${one}\n`).join('');
}
