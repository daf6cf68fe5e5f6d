/** A value of plain objects and lists that nothing can change any more; what is in it neither. */
export function frozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  for (const member of Object.values(value)) frozen(member);
  return Object.freeze(value);
}

/** What is made of a {@link frozen} value, made once for each; of any other, each time. */
export function madeOnce<V extends object, R>(make: (value: V) => R): (value: V) => R {
  const made = new WeakMap<V, R>();
  return (value) => {
    const known = made.get(value);
    if (known !== undefined) return known;
    const result = make(value);
    if (Object.isFrozen(value)) made.set(value, result);
    return result;
  };
}
