import type { Json } from '../core/json.ts';

/** What operating systems are called, by Node, Go and people. */
const SYSTEMS =
  'aix android browser cygwin darwin dragonfly freebsd haiku illumos ios js linux macos netbsd openbsd plan9 solaris sunos wasip1 win32 windows';

const ARCHITECTURES =
  '386 aarch64 amd64 arm arm64 armv6l armv7l i386 i686 ia32 loong64 mips mips64 mips64le mipsel ppc64 ppc64le riscv64 s390 s390x universal wasm x64 x86 x86_64';

const RUNTIMES =
  'browser bun cpython deno dotnet go graalvm java jvm native node nodejs php pypy python ruby rust v8';

/** Of the members of an environment that name a machine: what is a name, and can be nothing else. */
const NAMES: ReadonlyMap<string, RegExp> = new Map([
  ['os', oneOf(SYSTEMS)],
  ['arch', oneOf(ARCHITECTURES)],
  ['runtime', oneOf(RUNTIMES, '(?:[ /@_-]?v?\\d{1,3}(?:\\.\\d{1,3}){0,3})?')],
]);

function oneOf(words: string, more = ''): RegExp {
  return new RegExp(`^(?:${words.replaceAll(' ', '|')})${more}$`, 'i');
}

/**
 * True for a member of an environment that says what kind of machine it was, and nothing that could be secret. One that
 * has to be text and is none is left for the schema to refuse.
 */
export function namesMachine(name: string, value: Json): boolean {
  const known = NAMES.get(name);
  return known !== undefined && (typeof value !== 'string' || known.test(value));
}
