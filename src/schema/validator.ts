/** A validator compiled from a JSON Schema at build time. `errors` is set by the last call. */
export interface Validate {
  (value: unknown): boolean;
  errors?: readonly SchemaError[] | null;
}

export interface SchemaError {
  readonly instancePath: string;
  readonly message?: string;
  readonly params?: Readonly<Record<string, unknown>>;
}

/** What is wrong with a value, as one line; undefined when it conforms. */
export function schemaFault(validate: Validate, value: unknown): string | undefined {
  if (validate(value)) return undefined;
  const [error] = validate.errors ?? [];
  if (error === undefined) return 'does not conform to its schema';
  const extra = error.params?.['additionalProperty'];
  const what =
    extra === undefined ? (error.message ?? 'does not conform') : `has an unknown member ${String(extra)}`;
  return `${error.instancePath === '' ? 'the document' : error.instancePath} ${what}`;
}
