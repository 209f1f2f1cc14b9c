import type { Container, LifecycleHandler, Pod } from '../../api/core/v1/types.generated.ts';
import { portOf } from '../probes/container-probes.ts';
import { probeHttp } from '../probes/http-probe.ts';
import { probeTcp } from '../probes/tcp-probe.ts';
import type { ContainerRuntime } from '../runtime/contract.ts';

/** A postStart hook has no time limit of its own upstream; this bounds one request of it. */
const requestTimeoutMs = 30_000;

export interface HookCall {
  readonly runtime: ContainerRuntime;
  readonly pod: Pod;
  readonly container: Container;
  readonly containerId: string;
  readonly podIp: string;
  /** 0: no limit. */
  readonly timeoutMs: number;
}

/** Runs a postStart or preStop handler; throws with upstream's words when it fails. */
export async function runHook(handler: LifecycleHandler, call: HookCall): Promise<void> {
  const limit = call.timeoutMs === 0 ? requestTimeoutMs : call.timeoutMs;
  if (handler.exec !== undefined) {
    const command = handler.exec.command ?? [];
    const ran = await call.runtime.execSync(call.containerId, command, call.timeoutMs);
    if (ran.timedOut) throw new Error(`command '${command.join(' ')}' timed out`);
    if (ran.exitCode !== 0) {
      const output = JSON.stringify(Buffer.concat([ran.stdout, ran.stderr]).toString());
      throw new Error(
        `command '${command.join(' ')}' exited with ${ran.exitCode}: ${ran.stderr.toString()}, message: ${output}`,
      );
    }
    return;
  }
  if (handler.httpGet !== undefined) {
    const host = handler.httpGet.host || call.podIp;
    const port = portOf(call.container, handler.httpGet.port);
    const { result, output } = await probeHttp(handler.httpGet, host, port, limit);
    if (result !== 'success') throw new Error(output);
    return;
  }
  if (handler.tcpSocket !== undefined) {
    const host = handler.tcpSocket.host || call.podIp;
    const { result, output } = await probeTcp(host, portOf(call.container, handler.tcpSocket.port), limit);
    if (result !== 'success') throw new Error(output);
    return;
  }
  if (handler.sleep !== undefined) {
    const ms = handler.sleep.seconds * 1000;
    await new Promise((resolve) => setTimeout(resolve, call.timeoutMs === 0 ? ms : Math.min(ms, call.timeoutMs)));
  }
}
