import ts from 'typescript';

/** Names that no test may use, since what it shows by them it shows by chance, or cannot repeat, or shows to nobody. */
const BANNED: readonly (readonly [names: RegExp, why: string, home?: RegExp])[] = [
  [/^(Math\.random|random(Int|Bytes|UUID))$/, 'draw from `seeded` of support/seed.ts'],
  [/^(memoryUsage|freemem|maxRSS)$/, 'show what is read and held by counting it'],
  [/^todo$/, 'it fails unseen: make it pass, or say in the docs what is not there'],
  [/^configureGlobal$/, 'the seed is set in support/property.ts', /^support\/property\.ts$/],
  // At home where a wait comes to its end, where kills are spread over a command, and where a history is told.
  [
    /^(performance\.now|hrtime)$/,
    'assert no time: wait with `until` of support/until.ts',
    /^(support\/until|chaos\/phases|cli\/(job_kill|guard)\.test|log\/hammer_worker)\.ts$/,
  ],
];

/** All that breaks a rule of the suite in a test file, named by its path below `test/`, as lines for people. */
export function faultsOfTest(file: string, text: string): string[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.ES2023, true);
  const faults: string[] = [];
  const visit = (node: ts.Node): void => {
    for (const why of faultsAt(node, file)) {
      const { line } = source.getLineAndCharacterOfPosition(node.getStart());
      faults.push(`${file}:${line + 1}: ${why}`);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return faults;
}

function faultsAt(node: ts.Node, file: string): string[] {
  if (isForeignProperty(node) && file !== 'support/property.ts')
    return ['import fc from support/property.ts'];
  if (countsChance(node)) return ['it counts what chance made: make those inputs on purpose'];
  if (!ts.isIdentifier(node) && !ts.isPropertyAccessExpression(node)) return [];
  return BANNED.filter(([names, , home]) => names.test(node.getText()) && home?.test(file) !== true).map(
    ([, why]) => why,
  );
}

function isForeignProperty(node: ts.Node): boolean {
  if (!ts.isImportDeclaration(node) || !ts.isStringLiteral(node.moduleSpecifier)) return false;
  return node.moduleSpecifier.text === 'fast-check';
}

/** A comparison that is asserted behind a property, in the same block: it can only be of what the property came by. */
function countsChance(node: ts.Node): boolean {
  if (!/^assert\.ok\([\s\S]*[<>]/.test(node.getText()) || !ts.isExpressionStatement(node)) return false;
  if (!ts.isBlock(node.parent)) return false;
  const before = node.parent.statements.filter((one) => one.pos < node.pos);
  return before.some((one) => /^(await )?fc\.(assert|check)\(/.test(one.getText()));
}
