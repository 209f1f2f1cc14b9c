import { existsSync, rmSync } from 'node:fs';
import { hosts } from '../../api/fleet/v1/host.ts';
import { connect } from '../connect.ts';
import { dataDirectory } from '../data-directory.ts';
import { joinRecord } from '../host/join-record.ts';
import { stopService } from '../host/service.ts';
import { UserError } from '../user-error.ts';
import { defaultDockerSocket, engineVersion, extendPath } from './docker-engine.ts';
import { removeState } from './down.ts';
import { removeLocalTraces } from './purge.ts';

const tellTimeoutMs = 10_000;

/** `roadstead host leave`, on the host: stops the agent, tells the server, and removes all that joining brought. */
export async function leave({ dataDir }: { dataDir: string }): Promise<void> {
  const files = dataDirectory(dataDir);
  const record = joinRecord(files);
  if (record === undefined)
    throw new UserError(`This machine has joined nothing (there is no join.json in ${files.agent})`);
  if (process.getuid?.() !== 0) throw new UserError('Leaving needs root; run this as root');
  extendPath();
  await stopService(files);
  console.log('Stopped the agent');
  await tellServer(files.agentKubeconfig, record.nodeName);
  if (record.roles.includes('node') && (await engineVersion(defaultDockerSocket)) === undefined)
    console.log('Docker Engine does not answer, so no container was removed; start it and remove those named k8s_*');
  await removeLocalTraces(files, defaultDockerSocket);
  removeState(files);
  if (record.installed !== undefined && existsSync(record.installed)) rmSync(record.installed);
  console.log(`Removed containers, network, and ${files.root}`);
}

/** A server that is away finds out by itself that the host is lost; then "host remove" takes it away. */
async function tellServer(kubeconfig: string, name: string): Promise<void> {
  try {
    const client = await connect(kubeconfig, 'roadstead-leave');
    try {
      await client
        .resource(hosts)
        .patch(
          { name },
          { type: 'merge', body: { status: { phase: 'Left' } } },
          { subresource: 'status', signal: AbortSignal.timeout(tellTimeoutMs) },
        );
      console.log('Told the server');
    } finally {
      await client.close();
    }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    console.log(`The server could not be told (${why}); "roadstead host remove ${name}" there removes the rest`);
  }
}
