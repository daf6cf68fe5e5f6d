import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import ts from 'typescript';

/** The import of one module by another, as it is written. */
export interface Import {
  readonly specifier: string;
  /** `import type`: gone once compiled. */
  readonly typeOnly: boolean;
}

/** The source files of the house and what each imports, by path from `src/`. */
export type House = ReadonlyMap<string, readonly Import[]>;

/** The floors of DESIGN §3, from the ground up. Files of one floor do not see those of other folders on it. */
const FLOORS: readonly (readonly string[])[] = [
  ['core'],
  ['log', 'signing', 'zip', 'schema'],
  ['job', 'run', 'gate'],
  ['pack'],
  ['guard', 'regress'],
  ['cli'],
  ['commands'],
];

/** Only these may touch files. */
const FILE_FOLDERS: ReadonlySet<string> = new Set(['log', 'zip', 'cli', 'signing']);

/** Everything that breaks a rule of the house, as lines for people. */
export function faultsOf(house: House): string[] {
  return [...upwardImports(house), ...fileAccess(house), ...circles(house)];
}

function upwardImports(house: House): string[] {
  const faults: string[] = [];
  for (const file of house.keys()) {
    const folder = folderOf(file);
    if (folder === undefined) continue;
    if (floorOf(folder) === undefined) faults.push(`${file}: the folder ${folder} has no place in the house`);
    for (const target of localImports(house, file, () => true)) {
      if (!looksDown(folder, folderOf(target)))
        faults.push(`${file} imports ${target}, which is not below it`);
    }
  }
  return faults;
}

/** A file directly in src/ stands above all floors. */
function looksDown(from: string, to: string | undefined): boolean {
  if (from === to) return true;
  if (to === undefined) return false;
  return (floorOf(to) ?? Number.POSITIVE_INFINITY) < (floorOf(from) ?? -1);
}

function fileAccess(house: House): string[] {
  const faults: string[] = [];
  for (const [file, imports] of house) {
    if (FILE_FOLDERS.has(folderOf(file) ?? '')) continue;
    for (const { specifier } of imports) {
      if (/^(node:)?fs(\/|$)/.test(specifier)) faults.push(`${file} imports ${specifier}`);
    }
  }
  return faults;
}

/** Circles among the imports that are there at run time, each once, as the path around it. */
function circles(house: House): string[] {
  const faults: string[] = [];
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) {
      faults.push(`a circle: ${[...path.slice(path.indexOf(file)), file].join(' -> ')}`);
      return;
    }
    if (done.has(file)) return;
    for (const target of localImports(house, file, ({ typeOnly }) => !typeOnly))
      visit(target, [...path, file]);
    done.add(file);
  };
  for (const file of house.keys()) visit(file, []);
  return faults;
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
  return (house.get(file) ?? [])
    .filter((found) => found.specifier.startsWith('.') && wanted(found))
    .map(({ specifier }) => posix.join(posix.dirname(file), specifier));
}

function folderOf(file: string): string | undefined {
  return file.includes('/') ? file.slice(0, file.indexOf('/')) : undefined;
}

function floorOf(folder: string): number | undefined {
  const floor = FLOORS.findIndex((folders) => folders.includes(folder));
  return floor === -1 ? undefined : floor;
}

/** Every import, export-from, `import()` and `import('…')` type of a source text. */
export function importsOf(source: string): Import[] {
  const found: Import[] = [];
  const add = (specifier: ts.Node | undefined, typeOnly: boolean): void => {
    if (specifier !== undefined && ts.isStringLiteralLike(specifier)) {
      found.push({ specifier: specifier.text, typeOnly });
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
  visit(ts.createSourceFile('source.ts', source, ts.ScriptTarget.ES2023));
  return found;
}

/** The hand-written source files under a folder, with `/` in their paths, sorted. */
export function sourceFiles(src: string): string[] {
  return readdirSync(src, { recursive: true, encoding: 'utf8' })
    .map((name) => name.replaceAll('\\', '/'))
    .filter((name) => name.endsWith('.ts') && !name.startsWith('schema/generated/'))
    .sort();
}

export function readHouse(src: string): House {
  return new Map(sourceFiles(src).map((file) => [file, importsOf(readFileSync(join(src, file), 'utf8'))]));
}
