import { describe, test } from 'node:test';
import behaviours from './behaviours.json' with { type: 'json' };

/** Upstream's conformance behaviours by the area they belong to; equal names are numbered. */
export const behavioursByArea: Readonly<Record<string, readonly string[]>> = behaviours;

const known = new Set(Object.values(behavioursByArea).flat());

/** Set by tools/conformance.ts, which imports the tests: behaviours are listed here and not run. */
export const isListing = process.env['ROADSTEAD_LIST_BEHAVIOURS'] !== undefined;
export const listed: { readonly name: string; readonly why: string | undefined }[] = [];

/** A test of one behaviour, under upstream's name for it. docs/conformance.md lists which behaviours have one. */
export function behaviour(name: string, run: () => Promise<void>): void {
  register(name, undefined, run);
}

/** A behaviour that fails today: the test runs, and the list says why. */
export function notYet(name: string, why: string, run: () => Promise<void>): void {
  register(name, why, run);
}

/** Behaviours that do not disturb one another: some of them run at a time. */
export function sideBySide(define: () => void): void {
  if (isListing) define();
  else describe('side by side', { concurrency: 5 }, define);
}

function register(name: string, why: string | undefined, run: () => Promise<void>): void {
  if (!known.has(name)) throw new Error(`"${name}" is not one of upstream's behaviours; see behaviours.json`);
  if (isListing) listed.push({ name, why });
  else test(name, { timeout: 120_000, ...(why === undefined ? {} : { todo: why }) }, run);
}
