import type { FieldError } from '../machinery/status-error.ts';

/**
 * Where in an object a validation stands. A chain of small nodes; the text is only made when an error needs it, so
 * walking a valid object costs no strings.
 */
export class FieldPath {
  private readonly parent: FieldPath | undefined;
  private readonly step: string | number;
  private readonly isKey: boolean;

  constructor(step: string | number, parent?: FieldPath, isKey = false) {
    this.parent = parent;
    this.step = step;
    this.isKey = isKey;
  }

  child(name: string): FieldPath {
    return new FieldPath(name, this);
  }

  /** `.name[index]` */
  at(name: string, index: number): FieldPath {
    return new FieldPath(index, new FieldPath(name, this));
  }

  index(index: number): FieldPath {
    return new FieldPath(index, this);
  }

  /** `[key]`, for a map's entry. */
  key(key: string): FieldPath {
    return new FieldPath(key, this, true);
  }

  toString(): string {
    const before = this.parent === undefined ? '' : this.parent.toString();
    if (typeof this.step === 'number' || this.isKey) return `${before}[${this.step}]`;
    return before === '' ? this.step : `${before}.${this.step}`;
  }
}

export const specPath: FieldPath = new FieldPath('spec');
export const statusPath: FieldPath = new FieldPath('status');
export const metadataPath: FieldPath = new FieldPath('metadata');

export function required(path: FieldPath, detail = ''): FieldError {
  return { type: 'required', field: path.toString(), detail };
}

export function invalidValue(path: FieldPath, value: unknown, detail: string): FieldError {
  return { type: 'invalid', field: path.toString(), value, detail };
}

export function duplicate(path: FieldPath, value: unknown): FieldError {
  return { type: 'duplicate', field: path.toString(), value, detail: '' };
}

export function notSupported(path: FieldPath, value: unknown, supported: readonly string[]): FieldError {
  return { type: 'notSupported', field: path.toString(), value, detail: '', supported };
}

export function notFoundValue(path: FieldPath, value: unknown): FieldError {
  return { type: 'notFound', field: path.toString(), value, detail: '' };
}

export function forbiddenField(path: FieldPath, detail: string): FieldError {
  return { type: 'forbidden', field: path.toString(), detail };
}

export function tooLong(path: FieldPath, maxBytes: number): FieldError {
  return { type: 'tooLong', field: path.toString(), detail: `may not be more than ${maxBytes} bytes` };
}

export function tooMany(path: FieldPath, actual: number, max: number): FieldError {
  return { type: 'tooMany', field: path.toString(), value: actual, detail: `must have at most ${max} items` };
}

/** One `invalid` error for each text, as the checks of `machinery/names.ts` return them. */
export function invalidEach(errors: FieldError[], path: FieldPath, value: unknown, texts: readonly string[]): void {
  for (const text of texts) errors.push(invalidValue(path, value, text));
}
