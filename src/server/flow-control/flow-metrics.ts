import type { Gauge } from '../health/metrics.ts';
import type { FlowCatalog, FlowCounts } from './flow-catalog.ts';
import type { PriorityLevel } from './priority-level.ts';

/** The names and labels of k8s.io/apiserver/pkg/util/flowcontrol/metrics. */
export function flowMetrics(catalog: FlowCatalog): Gauge[] {
  const name = (rest: string): string => `apiserver_flowcontrol_${rest}`;
  const ofFlows = (rest: string, help: string, value: (counts: FlowCounts) => number, type?: 'counter'): Gauge => ({
    name: name(rest),
    help,
    ...(type === undefined ? {} : { type }),
    read: () => Array.from(catalog.counts, (counts) => [labelsOf(counts), value(counts)] as const),
  });
  const ofLevels = (rest: string, help: string, value: (level: PriorityLevel) => number): Gauge => ({
    name: name(rest),
    help,
    read: () => Array.from(catalog.levels, (level) => [`priority_level="${level.name}"`, value(level)] as const),
  });
  return [
    ofFlows('dispatched_requests_total', 'Requests that were let in', ({ dispatched }) => dispatched, 'counter'),
    {
      name: name('rejected_requests_total'),
      help: 'Requests that were sent away',
      type: 'counter',
      read: () => rejections(catalog.counts),
    },
    ofFlows('current_inqueue_requests', 'Requests that wait for a seat', ({ waiting }) => waiting),
    ofFlows('current_executing_requests', 'Requests that hold a seat', ({ executing }) => executing),
    ofFlows('request_wait_duration_seconds_sum', 'Time waited', (counts) => counts.waitedSeconds, 'counter'),
    ofFlows('request_wait_duration_seconds_count', 'Requests that waited', ({ waits }) => waits, 'counter'),
    ofLevels('current_executing_seats', 'Seats in use', ({ executing }) => executing),
    ofLevels('nominal_limit_seats', 'Seats by the shares of the level', ({ seats }) => seats.nominal),
    ofLevels('lower_limit_seats', 'Seats that are never lent', ({ seats }) => seats.floor),
    ofLevels('upper_limit_seats', 'Seats with all that may be borrowed', ({ seats }) => seats.ceiling),
  ];
}

function labelsOf({ schemaName, levelName }: FlowCounts): string {
  return `priority_level="${levelName}",flow_schema="${schemaName}"`;
}

function* rejections(all: Iterable<FlowCounts>): Generator<readonly [string, number]> {
  for (const counts of all) {
    for (const [reason, count] of counts.rejected) yield [`${labelsOf(counts)},reason="${reason}"`, count];
  }
}
