import type { Filter, RequestInfo } from '../request.ts';

/** Series one metric may have; what comes after is counted nowhere, so that a client cannot grow memory with paths. */
const seriesMax = 4000;
/** Seconds, as upstream's apiserver_request_duration_seconds. */
const buckets = [0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60];

/** The requests that share their labels. */
interface Series {
  readonly info: RequestInfo;
  /** As they stand in the text. */
  readonly labels: string;
  /** Answers by status code. */
  readonly codes: Map<number, number>;
  /** Watches and streams under way. */
  underWay: number;
  /** Of durations: how many fell into each bucket, their sum in seconds, how many. */
  readonly counts: number[];
  sum: number;
  count: number;
}

/** A number read when somebody asks. */
export interface Gauge {
  readonly name: string;
  readonly help: string;
  /** Default `gauge`. */
  readonly type?: 'counter';
  /** Label text (`requestKind="mutating"`) -> value. */
  read(): Iterable<readonly [string, number]>;
}

/**
 * The server's metrics, in Prometheus' text form. Kept by hand: a request costs one look-up, and the usual client
 * library would cost the process 20 MB.
 */
export class ServerMetrics {
  /** By resource, or by verb for other paths; few share one, so they are looked through in turn. */
  readonly #series = new Map<string, Series[]>();
  readonly #gauges: readonly Gauge[];
  #size = 0;

  constructor(gauges: readonly Gauge[] = []) {
    this.#gauges = gauges;
  }

  /** Stands around every other filter that may answer. */
  filter(isLongRunning: (context: Parameters<Filter>[0]) => boolean): Filter {
    return async (context, next) => {
      const startedAt = performance.now();
      const series = this.#seriesOf(context.info);
      if (series === undefined) return next();
      const runsLong = isLongRunning(context);
      if (runsLong) series.underWay += 1;
      try {
        await next();
      } finally {
        const { statusCode } = context.response;
        series.codes.set(statusCode, (series.codes.get(statusCode) ?? 0) + 1);
        if (runsLong) series.underWay -= 1;
        else observe(series, (performance.now() - startedAt) / 1000);
      }
    };
  }

  render(): string {
    const all = [...this.#series.values()].flat();
    const codes = all.flatMap(({ labels, codes }) =>
      [...codes].map(([code, count]) => [`${labels},code="${code}"`, count] as const),
    );
    const underWay = all.map(({ labels, underWay }) => [labels, underWay] as const).filter(([, count]) => count > 0);
    const lines: string[] = [];
    metric(lines, 'apiserver_request_total', 'counter', 'Requests by verb, resource and code', codes);
    metric(lines, 'apiserver_longrunning_requests', 'gauge', 'Watches and streams under way', underWay);
    renderDurations(lines, all);
    for (const gauge of this.#gauges) metric(lines, gauge.name, gauge.type ?? 'gauge', gauge.help, gauge.read());
    renderProcess(lines);
    return `${lines.join('\n')}\n`;
  }

  #seriesOf(info: RequestInfo): Series | undefined {
    const key = info.isResourceRequest ? info.resource : info.verb;
    let list = this.#series.get(key);
    const found = list?.find((series) => isSame(series.info, info));
    if (found !== undefined || this.#size >= seriesMax) return found;
    if (list === undefined) {
      list = [];
      this.#series.set(key, list);
    }
    const made: Series = {
      info,
      labels: labelsOf(info),
      codes: new Map(),
      underWay: 0,
      counts: buckets.map(() => 0),
      sum: 0,
      count: 0,
    };
    list.push(made);
    this.#size += 1;
    return made;
  }
}

function isSame(one: RequestInfo, other: RequestInfo): boolean {
  if (one.isResourceRequest !== other.isResourceRequest || one.verb !== other.verb) return false;
  return (
    !one.isResourceRequest ||
    (one.subresource === other.subresource &&
      one.apiVersion === other.apiVersion &&
      one.apiGroup === other.apiGroup &&
      one.resource === other.resource)
  );
}

function observe(series: Series, seconds: number): void {
  series.sum += seconds;
  series.count += 1;
  const at = buckets.findIndex((bound) => seconds <= bound);
  if (at >= 0) series.counts[at] = (series.counts[at] ?? 0) + 1;
}

function renderDurations(lines: string[], all: readonly Series[]): void {
  const name = 'apiserver_request_duration_seconds';
  lines.push(`# HELP ${name} Time from the head of a request to its answer`, `# TYPE ${name} histogram`);
  for (const { labels, counts, sum, count } of all) {
    if (count === 0) continue;
    let below = 0;
    buckets.forEach((bound, i) => {
      below += counts[i] ?? 0;
      lines.push(`${name}_bucket{${labels},le="${bound}"} ${below}`);
    });
    lines.push(`${name}_bucket{${labels},le="+Inf"} ${count}`);
    lines.push(`${name}_sum{${labels}} ${sum}`, `${name}_count{${labels}} ${count}`);
  }
}

function labelsOf(info: RequestInfo): string {
  if (!info.isResourceRequest)
    return `verb="${info.verb.toUpperCase()}",group="",version="",resource="",subresource=""`;
  const { verb, apiGroup, apiVersion, resource, subresource } = info;
  return `verb="${verb.toUpperCase()}",group="${safe(apiGroup)}",version="${safe(apiVersion)}",resource="${safe(resource)}",subresource="${safe(subresource)}"`;
}

/** Label values come from paths that a client chose. */
function safe(text: string): string {
  return /^[\w.-]*$/.test(text) ? text : 'other';
}

function metric(
  lines: string[],
  name: string,
  type: 'counter' | 'gauge',
  help: string,
  values: Iterable<readonly [string, number]>,
): void {
  lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
  for (const [labels, value] of values) lines.push(labels === '' ? `${name} ${value}` : `${name}{${labels}} ${value}`);
}

function renderProcess(lines: string[]): void {
  const { rss, heapUsed } = process.memoryUsage();
  const { user, system } = process.cpuUsage();
  const one = (value: number): [string, number][] => [['', value]];
  metric(lines, 'process_cpu_seconds_total', 'counter', 'CPU time used', one((user + system) / 1e6));
  metric(lines, 'process_resident_memory_bytes', 'gauge', 'Resident memory', one(rss));
  metric(lines, 'nodejs_heap_size_used_bytes', 'gauge', 'JavaScript heap in use', one(heapUsed));
  metric(lines, 'process_start_time_seconds', 'gauge', 'Start of the process', one(performance.timeOrigin / 1000));
}
