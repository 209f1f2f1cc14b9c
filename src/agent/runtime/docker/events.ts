import type { RuntimeEvent } from '../contract.ts';
import type { EngineClient } from './engine-client.ts';
import type { EngineEvent } from './engine-types.ts';
import { labelContainerName, labelOwner, labelPodUid, sandboxContainerName } from './labels.ts';

export async function* readEvents(
  engine: EngineClient,
  owner: string,
  signal: AbortSignal,
): AsyncIterable<RuntimeEvent> {
  const filters = { type: ['container'], label: [`${labelOwner}=${owner}`], event: ['start', 'die', 'oom', 'destroy'] };
  const path = `/events?filters=${encodeURIComponent(JSON.stringify(filters))}`;
  const body = await engine.stream({ method: 'GET', path, signal });
  let rest = '';
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      const lines = (rest + chunk.toString()).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        if (line !== '') yield eventFrom(JSON.parse(line) as EngineEvent);
      }
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    body.destroy();
  }
}

function eventFrom(event: EngineEvent): RuntimeEvent {
  const attributes = event.Actor.Attributes;
  const sandbox = attributes[labelContainerName] === sandboxContainerName;
  const podUid = attributes[labelPodUid] ?? '';
  if (event.Action === 'start') return { podUid, type: sandbox ? 'sandboxStarted' : 'containerStarted' };
  if (event.Action === 'die') return { podUid, type: sandbox ? 'sandboxStopped' : 'containerStopped' };
  return { podUid, type: 'other' };
}
