import type { Filter } from '../request.ts';

/** Series one metric may have; what comes after is counted nowhere, so that a client cannot grow memory with paths. */
const seriesMax = 4000;
/** Seconds, as upstream's apiserver_request_duration_seconds. */
const buckets = [0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60];

interface Histogram {
  readonly counts: number[];
  sum: number;
  count: number;
}

/** A number read when somebody asks. */
export interface Gauge {
  readonly name: string;
  readonly help: string;
  /** Label text (`requestKind="mutating"`) -> value. */
  read(): Iterable<readonly [string, number]>;
}

/**
 * The server's metrics, in Prometheus' text form. Kept by hand: a request costs two look-ups, and the usual client
 * library would cost the process 20 MB.
 */
export class ServerMetrics {
  readonly #requests = new Map<string, number>();
  readonly #durations = new Map<string, Histogram>();
  readonly #longRunning = new Map<string, number>();
  readonly #gauges: readonly Gauge[];

  constructor(gauges: readonly Gauge[] = []) {
    this.#gauges = gauges;
  }

  /** Stands around every other filter that may answer. */
  filter(isLongRunning: (context: Parameters<Filter>[0]) => boolean): Filter {
    return async (context, next) => {
      const startedAt = performance.now();
      const labels = labelsOf(context);
      const runsLong = isLongRunning(context);
      if (runsLong) bump(this.#longRunning, labels, 1);
      try {
        await next();
      } finally {
        bump(this.#requests, `${labels},code="${context.response.statusCode}"`, 1);
        if (runsLong) bump(this.#longRunning, labels, -1);
        else this.#observe(labels, (performance.now() - startedAt) / 1000);
      }
    };
  }

  render(): string {
    const lines: string[] = [];
    metric(lines, 'apiserver_request_total', 'counter', 'Requests by verb, resource and code', this.#requests);
    metric(lines, 'apiserver_longrunning_requests', 'gauge', 'Watches and streams under way', this.#longRunning);
    this.#renderDurations(lines);
    for (const gauge of this.#gauges) metric(lines, gauge.name, 'gauge', gauge.help, gauge.read());
    renderProcess(lines);
    return `${lines.join('\n')}\n`;
  }

  #observe(labels: string, seconds: number): void {
    let histogram = this.#durations.get(labels);
    if (histogram === undefined) {
      if (this.#durations.size >= seriesMax) return;
      histogram = { counts: buckets.map(() => 0), sum: 0, count: 0 };
      this.#durations.set(labels, histogram);
    }
    histogram.sum += seconds;
    histogram.count += 1;
    const at = buckets.findIndex((bound) => seconds <= bound);
    if (at >= 0) histogram.counts[at] = (histogram.counts[at] ?? 0) + 1;
  }

  #renderDurations(lines: string[]): void {
    const name = 'apiserver_request_duration_seconds';
    lines.push(`# HELP ${name} Time from the head of a request to its answer`, `# TYPE ${name} histogram`);
    for (const [labels, { counts, sum, count }] of this.#durations) {
      let below = 0;
      buckets.forEach((bound, i) => {
        below += counts[i] ?? 0;
        lines.push(`${name}_bucket{${labels},le="${bound}"} ${below}`);
      });
      lines.push(`${name}_bucket{${labels},le="+Inf"} ${count}`);
      lines.push(`${name}_sum{${labels}} ${sum}`, `${name}_count{${labels}} ${count}`);
    }
  }
}

function labelsOf({ info }: Parameters<Filter>[0]): string {
  if (!info.isResourceRequest)
    return `verb="${info.verb.toUpperCase()}",group="",version="",resource="",subresource=""`;
  const { verb, apiGroup, apiVersion, resource, subresource } = info;
  return `verb="${verb.toUpperCase()}",group="${safe(apiGroup)}",version="${safe(apiVersion)}",resource="${safe(resource)}",subresource="${safe(subresource)}"`;
}

/** Label values come from paths that a client chose. */
function safe(text: string): string {
  return /^[\w.-]*$/.test(text) ? text : 'other';
}

function bump(values: Map<string, number>, key: string, by: number): void {
  const value = values.get(key);
  if (value === undefined && values.size >= seriesMax) return;
  values.set(key, (value ?? 0) + by);
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
