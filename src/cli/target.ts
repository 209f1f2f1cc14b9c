import { dataDirectory } from './data-directory.ts';

/** Which cluster a command speaks to. */
export interface TargetOptions {
  readonly kubeconfig?: string;
  readonly dataDir: string;
}

/** What was named, else what kubectl would use, else the administrator's of the cluster on this machine. */
export function kubeconfigOf({ kubeconfig, dataDir }: TargetOptions): string {
  return kubeconfig ?? process.env['KUBECONFIG'] ?? dataDirectory(dataDir).kubeconfig;
}

export const defaultKubeconfigHelp = 'how to reach the cluster; default $KUBECONFIG, then that of the data directory';
