import { seeded } from '../support/seed.ts';
import { chainKind } from './chains.ts';
import { tokenKinds, traceKind } from './gate.ts';
import { type Kind, type Tally, tallied } from './kind.ts';
import { packKind } from './packs.ts';
import { runpackKind } from './runpacks.ts';

/** Every kind of signed evidence. */
export async function kinds(): Promise<readonly Kind[]> {
  return [runpackKind(), await packKind(), chainKind(), await traceKind(), ...tokenKinds()];
}

/** So many forgeries of each kind, by whoever has no key. */
export async function mutations(count: number, say: (line: string) => void): Promise<readonly Tally[]> {
  return (await kinds()).map((kind) => {
    const tally = tallied(kind, count, seeded(`mutations of ${kind.name}`), (p) => kind.forged(p));
    say(lineOf(tally));
    return tally;
  });
}

export function lineOf({ kind, tried, refused, same, changed }: Tally): string {
  return `${kind}: ${tried} tried, ${refused} refused, ${same} as before, ${changed.length} CHANGED`;
}
