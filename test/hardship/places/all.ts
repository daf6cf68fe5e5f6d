import type { PlaceRow, Say } from '../report.ts';
import { CLOCKS } from './clocks.ts';
import { DISKS } from './disks.ts';
import { FOLDERS } from './folders.ts';
import type { Place } from './place.ts';
import { PROCESSES } from './processes.ts';
import { Stage } from './stage.ts';

export const PLACES: readonly Place[] = [...PROCESSES, ...CLOCKS, ...DISKS, ...FOLDERS];

/** Tries each place whose name contains `only`, so many at a time. */
export async function hardPlaces(only: string, atOnce: number, say: Say): Promise<PlaceRow[]> {
  const wanted = PLACES.filter(({ name }) => name.includes(only));
  const rows = new Map<Place, PlaceRow>();
  const waiting = [...wanted];
  const work = async (): Promise<void> => {
    for (let place = waiting.shift(); place !== undefined; place = waiting.shift())
      rows.set(place, await tried(place, say));
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return wanted.flatMap((place) => rows.get(place) ?? []);
}

async function tried(place: Place, say: Say): Promise<PlaceRow> {
  const { name, done, must } = place;
  const skipped = place.missing();
  const faults: string[] = [];
  const row = { place: name, done, must, faults };
  if (skipped !== undefined) return { ...row, skipped };
  const stage = new Stage();
  try {
    await place.act(stage, (what) => faults.push(what));
  } catch (error) {
    faults.push(error instanceof Error ? error.message : String(error));
  } finally {
    await stage.close();
  }
  for (const what of faults) say(`FAULT ${name}: ${what.trim()}`);
  say(`${name}: ${faults.length === 0 ? 'held' : 'not held'}`);
  return row;
}
