/** An expression that cannot be compiled. The message is upstream's, with the line and a mark under the place. */
export class CelCompileError extends Error {
  constructor(source: string, issues: readonly { readonly at: number; readonly message: string }[]) {
    super(issues.map(({ at, message }) => located(source, at, message)).join('\n'));
    this.name = 'CelCompileError';
  }
}

/** An expression that failed while it ran: `no such key: x`, `division by zero`. A part of the language: `||` may absorb it. */
export class CelError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'CelError';
  }
}

/** The evaluation cost more than it may. Nothing absorbs it. */
export class CelBudgetError extends Error {
  constructor() {
    super('operation cancelled: actual cost limit exceeded');
    this.name = 'CelBudgetError';
  }
}

function located(source: string, at: number, message: string): string {
  const start = source.lastIndexOf('\n', at - 1) + 1;
  const end = source.indexOf('\n', at);
  const line = source.slice(start, end < 0 ? undefined : end);
  const row = source.slice(0, at).split('\n').length;
  const column = at - start;
  return `ERROR: <input>:${row}:${column + 1}: ${message}\n | ${line}\n | ${'.'.repeat(column)}^`;
}
