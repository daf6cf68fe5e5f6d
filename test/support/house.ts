import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import ts from 'typescript';

/** One source file: what it imports, and the names of its own that it exports. */
export interface Source {
  readonly imports: readonly Import[];
  readonly exports: readonly string[];
}

/** The import of one module by another, as it is written. */
export interface Import {
  readonly specifier: string;
  /** `import type`: gone once compiled. */
  readonly typeOnly: boolean;
}

/** The source files of the house, by path from `src/`. */
export type House = ReadonlyMap<string, Source>;

/** A room: how far above the ground it is, and which of its files touch files or processes. */
export interface Room {
  readonly floor: number;
  readonly edges: readonly string[];
}

/** The rooms by their folder. Rooms of one floor do not see each other. */
export type Rooms = ReadonlyMap<string, Room>;

export const MAX_FILES = 20;

/** What reaches the machine, or lets somebody reach it. */
const MACHINE = /^(node:)?(fs|child_process|http|https|tls|dgram|cluster|worker_threads)(\/|$)|^fs-ext/;

/** The table of rooms of docs/architecture.md. */
export function roomsOf(page: string): Rooms {
  const rows = page.matchAll(/^\| (\d+) \| `(\w+)\/` \|.*\| ([^|]*)\|$/gm);
  return new Map(
    [...rows].map(([, floor, room = '', edges = '']) => [
      room,
      {
        floor: Number(floor),
        edges: [...edges.matchAll(/`([^`]+)`/g)].map(([, file = '']) => `${room}/${file}`),
      },
    ]),
  );
}

/** Everything that breaks a rule of the house, as lines for people. */
export function faultsOf(house: House, rooms: Rooms): string[] {
  return [
    ...upwardImports(house, rooms),
    ...edges(house, rooms),
    ...circles(house),
    ...crowds(house),
    ...namesakes(house),
  ];
}

function upwardImports(house: House, rooms: Rooms): string[] {
  const faults: string[] = [];
  for (const file of house.keys()) {
    const from = roomOf(file);
    if (from === undefined) continue;
    if (!rooms.has(from)) faults.push(`${file}: the table of rooms does not have ${from}`);
    for (const target of localImports(house, file, () => true)) {
      if (!looksDown(rooms, from, roomOf(target)))
        faults.push(`${file} imports ${target}, which is not below it`);
    }
  }
  return faults;
}

/** A file directly in src/ stands above all floors. */
function looksDown(rooms: Rooms, from: string, to: string | undefined): boolean {
  if (from === to) return true;
  if (to === undefined) return false;
  return (rooms.get(to)?.floor ?? Number.POSITIVE_INFINITY) < (rooms.get(from)?.floor ?? -1);
}

/** Who touches the machine is in the table, and who is in the table touches it. */
function edges(house: House, rooms: Rooms): string[] {
  const named = new Set([...rooms.values()].flatMap((room) => room.edges));
  const touching = new Map(
    [...house].flatMap(([file, { imports }]) => {
      const found = imports.find(({ specifier, typeOnly }) => !typeOnly && MACHINE.test(specifier));
      return found === undefined ? [] : [[file, found.specifier] as const];
    }),
  );
  return [
    ...[...touching].filter(([file]) => !named.has(file)).map(([file, what]) => `${file} imports ${what}`),
    ...[...named].filter((file) => !touching.has(file)).map((file) => `${file} touches no machine`),
  ];
}

/** Circles of imports, those of types included, each once, as the path around it. */
function circles(house: House): string[] {
  const faults: string[] = [];
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) {
      faults.push(`a circle: ${[...path.slice(path.indexOf(file)), file].join(' -> ')}`);
      return;
    }
    if (done.has(file)) return;
    for (const target of localImports(house, file, () => true)) visit(target, [...path, file]);
    done.add(file);
  };
  for (const file of house.keys()) visit(file, []);
  return faults;
}

function crowds(house: House): string[] {
  const sizes = new Map<string, number>();
  for (const folder of [...house.keys()].map((file) => posix.dirname(file)))
    sizes.set(folder, (sizes.get(folder) ?? 0) + 1);
  return [...sizes]
    .filter(([, size]) => size > MAX_FILES)
    .map(([folder, size]) => `${folder} has ${size} files side by side`);
}

/** A name means one thing: only one file defines what is exported under it. Each command is called what it is asked by. */
function namesakes(house: House): string[] {
  const homes = new Map<string, string[]>();
  for (const [file, { exports }] of house) {
    for (const name of file.startsWith('commands/') ? [] : exports)
      homes.set(name, [...(homes.get(name) ?? []), file]);
  }
  return [...homes]
    .filter(([, files]) => files.length > 1)
    .map(([name, files]) => `${name} has homes: ${files}`);
}

/** Every file that is loaded with one, itself included. */
export function loadedWith(house: House, file: string): ReadonlySet<string> {
  const loaded = new Set([file]);
  for (const next of loaded) {
    for (const target of localImports(house, next, ({ typeOnly }) => !typeOnly)) loaded.add(target);
  }
  return loaded;
}

function localImports(house: House, file: string, wanted: (found: Import) => boolean): string[] {
  return (house.get(file)?.imports ?? [])
    .filter((found) => found.specifier.startsWith('.') && wanted(found))
    .map(({ specifier }) => posix.join(posix.dirname(file), specifier));
}

function roomOf(file: string): string | undefined {
  return file.includes('/') ? file.slice(0, file.indexOf('/')) : undefined;
}

/** What a source text imports, in every way there is, and what it defines and exports. */
export function sourceOf(text: string): Source {
  const imports: Import[] = [];
  const exports: string[] = [];
  const add = (specifier: ts.Node | undefined, typeOnly: boolean): void => {
    if (specifier !== undefined && ts.isStringLiteralLike(specifier)) {
      imports.push({ specifier: specifier.text, typeOnly });
    }
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) {
      add(node.moduleSpecifier, node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword);
    } else if (ts.isExportDeclaration(node)) {
      add(node.moduleSpecifier, node.isTypeOnly);
    } else if (ts.isImportTypeNode(node)) {
      add(ts.isLiteralTypeNode(node.argument) ? node.argument.literal : undefined, true);
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      add(node.arguments[0], false);
    }
    ts.forEachChild(node, visit);
  };
  const source = ts.createSourceFile('source.ts', text, ts.ScriptTarget.ES2023);
  visit(source);
  for (const statement of source.statements) exports.push(...exportedBy(statement));
  return { imports, exports: [...new Set(exports)] };
}

function exportedBy(statement: ts.Statement): string[] {
  const modifiers = ts.canHaveModifiers(statement) ? ts.getModifiers(statement) : undefined;
  if (!modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)) return [];
  const declared = ts.isVariableStatement(statement) ? statement.declarationList.declarations : [statement];
  return declared.flatMap((declaration) => {
    const name = 'name' in declaration ? (declaration.name as ts.Node | undefined) : undefined;
    return name !== undefined && ts.isIdentifier(name) ? [name.text] : [];
  });
}

/** The hand-written source files under a folder, with `/` in their paths, sorted. */
export function sourceFiles(src: string): string[] {
  return readdirSync(src, { recursive: true, encoding: 'utf8' })
    .map((name) => name.replaceAll('\\', '/'))
    .filter((name) => name.endsWith('.ts') && !name.startsWith('schema/generated/'))
    .sort();
}

export function readHouse(src: string): House {
  return new Map(sourceFiles(src).map((file) => [file, sourceOf(readFileSync(join(src, file), 'utf8'))]));
}
