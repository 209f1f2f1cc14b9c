import { existsSync, mkdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { UserError } from './user-error.ts';

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
  /** Process ids. */
  readonly run: string;
  logFile(daemon: string): string;
  pidFile(daemon: string): string;
}

export function dataDirectory(root: string): DataDirectory {
  if (root.trim() === '') throw new UserError('--data-dir is empty; name a directory, such as /var/lib/roadstead');
  const absolute = path.resolve(root);
  return {
    root: absolute,
    kubeconfig: path.join(absolute, 'kubeconfig'),
    server: path.join(absolute, 'server'),
    store: path.join(absolute, 'server', 'store'),
    agent: path.join(absolute, 'agent'),
    agentKubeconfig: path.join(absolute, 'agent', 'kubeconfig'),
    logs: path.join(absolute, 'logs'),
    run: path.join(absolute, 'run'),
    logFile: (daemon) => path.join(absolute, 'logs', `${daemon}.log`),
    pidFile: (daemon) => path.join(absolute, 'run', `${daemon}.pid`),
  };
}

/**
 * Makes the directories that are missing. What holds keys, the store or pods' secrets is for its owner alone.
 * Not with mkdir's own `recursive`: below /proc that never returns.
 */
export function makeDataDirectory(files: DataDirectory): void {
  makeDirectory(files.root, 0o755);
  makeDirectory(files.server, 0o700);
  makeDirectory(files.agent, 0o700);
  makeDirectory(files.logs, 0o750);
}

function makeDirectory(directory: string, mode: number): void {
  const parent = path.dirname(directory);
  if (!existsSync(parent)) makeDirectory(parent, 0o755);
  if (existsSync(directory) && statSync(directory).isDirectory()) return;
  mkdirSync(directory, { mode });
}
