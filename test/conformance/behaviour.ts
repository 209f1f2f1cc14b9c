import { test } from 'node:test';
import behaviours from './behaviours.json' with { type: 'json' };

/** Upstream's conformance behaviours by the area they belong to; equal names are numbered. */
export const behavioursByArea: Readonly<Record<string, readonly string[]>> = behaviours;

const known = new Set(Object.values(behavioursByArea).flat());

/** A test of one behaviour, under upstream's name for it. docs/conformance.md lists which behaviours have one. */
export function behaviour(name: string, run: () => Promise<void>): void {
  if (!known.has(name)) throw new Error(`"${name}" is not one of upstream's behaviours; see behaviours.json`);
  test(name, { timeout: 120_000 }, run);
}

/** A behaviour that fails today: the test runs, and the list says why. */
export function notYet(name: string, why: string, run: () => Promise<void>): void {
  if (!known.has(name)) throw new Error(`"${name}" is not one of upstream's behaviours; see behaviours.json`);
  test(name, { timeout: 120_000, todo: why }, run);
}
