import type { Handler, RequestContext } from '../request.ts';

export interface HealthCheck {
  /** `etcd`, `poststarthook/rbac/bootstrap-roles` */
  readonly name: string;
  /** Which endpoints ask it. */
  readonly endpoints: readonly HealthEndpoint[];
  /** Throws, or resolves to false, when something is wrong. */
  check(): Promise<boolean> | boolean;
}

export type HealthEndpoint = 'healthz' | 'livez' | 'readyz';

const pathForm = /^\/(healthz|livez|readyz)(?:\/(.+))?$/;

/** `/healthz`, `/livez`, `/readyz`, `?verbose`, `?exclude=<name>` and `/livez/<name>`, in upstream's words. */
export function createHealth(checks: readonly HealthCheck[]): { matches(path: string): boolean; handle: Handler } {
  return {
    matches: (path) => pathForm.test(path),
    async handle(context) {
      const match = pathForm.exec(context.path);
      const endpoint = (match?.[1] ?? 'healthz') as HealthEndpoint;
      const asked = checks.filter((check) => check.endpoints.includes(endpoint));
      const name = match?.[2];
      if (name === undefined) await answerAll(context, endpoint, asked);
      else await answerOne(context, name, asked);
    },
  };
}

async function answerAll(
  context: RequestContext,
  endpoint: HealthEndpoint,
  checks: readonly HealthCheck[],
): Promise<void> {
  const excluded = new Set(context.query.getAll('exclude'));
  const lines: string[] = [];
  let failed = false;
  for (const check of checks) {
    if (excluded.delete(check.name)) lines.push(`[+]${check.name} excluded: ok`);
    else if (await passes(check)) lines.push(`[+]${check.name} ok`);
    else {
      failed = true;
      lines.push(`[-]${check.name} failed: reason withheld`);
    }
  }
  if (excluded.size > 0) {
    const names = [...excluded].map((name) => JSON.stringify(name)).join(', ');
    lines.push(`warn: some health checks cannot be excluded: no matches for ${names}`);
  }
  if (failed) {
    plain(context, 500, `${lines.join('\n')}\n${endpoint} check failed\n`);
    return;
  }
  const isVerbose = context.query.has('verbose');
  plain(context, 200, isVerbose ? `${lines.join('\n')}\n${endpoint} check passed\n` : 'ok');
}

async function answerOne(context: RequestContext, name: string, checks: readonly HealthCheck[]): Promise<void> {
  const check = checks.find((one) => one.name === name);
  if (check === undefined) plain(context, 404, '404 page not found\n');
  else if (await passes(check)) plain(context, 200, 'ok');
  else plain(context, 500, 'internal server error: reason withheld\n');
}

async function passes(check: HealthCheck): Promise<boolean> {
  try {
    return await check.check();
  } catch {
    // Which reason is not for a caller that may be anonymous to know.
    return false;
  }
}

function plain({ response }: RequestContext, code: number, text: string): void {
  response.setHeader('x-content-type-options', 'nosniff');
  response.send(code, 'text/plain; charset=utf-8', text);
}
