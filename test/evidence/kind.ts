import type { SigningKey } from '../../src/signing/keys.ts';
import type { Signature } from '../../src/signing/signature.ts';
import { signDigest } from '../../src/signing/signature.ts';
import type { SignaturePolicy } from '../../src/signing/verify.ts';
import type { Prng } from '../simulate/prng.ts';
import { numberedKey, trusting } from '../support/keys.ts';

/** Whose word counts, and somebody whose does not. */
export const OWNER: SigningKey = numberedKey(1);
export const FORGER: SigningKey = numberedKey(9);

/** What a reader expects who has the owner's key. */
export const EXPECTED: SignaturePolicy = { trust: trusting(OWNER), required: true };

/** What a verdict speaks of, as text that is the same for the same facts; undefined where it is refused. */
export type Told = string | undefined;

/** A kind of evidence, and what whoever has no key can try with it. */
export interface Kind {
  readonly name: string;
  /** What verdicts on honest ones tell. */
  readonly honest: ReadonlySet<string>;
  /** One honest evidence changed and sealed anew, without the key: what the verdict on it tells. */
  forged(p: Prng): Told;
  /** The same, seen by a reader who asks for no signature, or believes the forger too. */
  unasked(p: Prng): Told;
}

export interface Tally {
  readonly kind: string;
  readonly tried: number;
  readonly refused: number;
  /** Verified, and told what an honest one tells. */
  readonly same: number;
  /** Verified, and told something else: none is allowed. */
  readonly changed: readonly string[];
}

/** So many forgeries of a kind, counted; of those that got through the first few. */
export function tallied(kind: Kind, count: number, p: Prng, forged: (p: Prng) => Told): Tally {
  let [refused, same] = [0, 0];
  const changed: string[] = [];
  for (let i = 0; i < count; i += 1) {
    const told = forged(p);
    if (told === undefined) refused += 1;
    else if (kind.honest.has(told)) same += 1;
    else changed.push(changed.length < 5 ? told : '');
  }
  return { kind: kind.name, tried: count, refused, same, changed };
}

/** The signatures that a forger puts under a document: kept, taken from another, dropped, doubled, own ones. */
export function signaturesBy(
  p: Prng,
  own: readonly Signature[],
  others: readonly Signature[],
  digest: string,
): readonly Signature[] | undefined {
  const forger = signDigest(digest, FORGER);
  const relabelled = { ...forger, key_id: OWNER.keyId };
  const restated = own.map((one) => ({ ...one, signed_digest: digest }));
  return p.pick<readonly Signature[] | undefined>([
    own,
    own,
    restated,
    others,
    undefined,
    [],
    [...own, ...own],
    [forger],
    [relabelled],
    [...own, forger],
    [forger, ...restated, ...others],
  ]);
}
