// Compiles every schema of schemas/v1 to a standalone validator in src/schema/generated.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const SCHEMAS = join(ROOT, 'schemas', 'v1');
const GENERATED = join(ROOT, 'src', 'schema', 'generated');

export function schemaFiles(dir = SCHEMAS) {
  return readdirSync(dir, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.schema.json'))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

/** A schema without what only people read in it: that would be half of its validator. */
function unsaid(schema, isNames = false) {
  if (Array.isArray(schema)) return schema.map((one) => unsaid(one));
  if (typeof schema !== 'object' || schema === null) return schema;
  const members = Object.entries(schema).filter(
    ([name]) => isNames || !['title', 'description'].includes(name),
  );
  return Object.fromEntries(
    members.map(([name, value]) => [name, unsaid(value, !isNames && NAMES.has(name))]),
  );
}

/** Members of a schema whose own members are called as anybody likes. */
const NAMES = new Set(['properties', 'patternProperties', '$defs', 'dependentRequired', 'dependentSchemas']);

export async function compileSchemas() {
  const { default: Ajv } = await import('ajv/dist/2020.js');
  const { default: standalone } = await import('ajv/dist/standalone/index.js');
  const { build } = await import('esbuild');
  const ajv = new Ajv.default({
    strict: true,
    discriminator: true,
    ownProperties: true,
    code: { source: true, esm: true, lines: true },
  });
  const documents = schemaFiles().map((file) => ({
    file,
    schema: unsaid(JSON.parse(readFileSync(file, 'utf8'))),
  }));
  for (const { schema } of documents) ajv.addSchema(schema);
  rmSync(GENERATED, { recursive: true, force: true });
  mkdirSync(GENERATED, { recursive: true });
  for (const { file, schema } of documents) {
    const name = relative(SCHEMAS, file)
      .replace(/\.schema\.json$/, '')
      .replaceAll(/[/\\]/g, '_');
    const validate = ajv.getSchema(schema.$id);
    const result = await build({
      stdin: { contents: standalone.default(ajv, validate), resolveDir: ROOT, sourcefile: basename(file) },
      bundle: true,
      format: 'esm',
      platform: 'neutral',
      mainFields: ['main'],
      minify: true,
      write: false,
    });
    writeFileSync(join(GENERATED, `${name}.js`), result.outputFiles[0].text);
    writeFileSync(
      join(GENERATED, `${name}.d.ts`),
      "import type { Validate } from '../validator.js';\ndeclare const validate: Validate;\nexport default validate;\n",
    );
  }
}
