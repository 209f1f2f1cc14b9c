import path from 'node:path';

export const defaultDataDirectory = process.env['ROADSTEAD_DATA'] ?? '/var/lib/roadstead';

/** Where everything under a data directory lies: the one place that spells these paths. */
export interface DataDirectory {
  readonly root: string;
  /** The administrator's, mode 0600. */
  readonly kubeconfig: string;
  readonly server: string;
  readonly store: string;
  readonly agent: string;
  readonly agentKubeconfig: string;
  readonly logs: string;
  logFile(daemon: string): string;
  pidFile(daemon: string): string;
}

export function dataDirectory(root: string): DataDirectory {
  const absolute = path.resolve(root);
  return {
    root: absolute,
    kubeconfig: path.join(absolute, 'kubeconfig'),
    server: path.join(absolute, 'server'),
    store: path.join(absolute, 'server', 'store'),
    agent: path.join(absolute, 'agent'),
    agentKubeconfig: path.join(absolute, 'agent', 'kubeconfig'),
    logs: path.join(absolute, 'logs'),
    logFile: (daemon) => path.join(absolute, 'logs', `${daemon}.log`),
    pidFile: (daemon) => path.join(absolute, 'run', `${daemon}.pid`),
  };
}
