import type { KubeObject } from '../../../machinery/meta.ts';

export interface Usage {
  /** `12345678n` */
  cpu: string;
  /** `2048Ki` */
  memory: string;
}

export interface NodeMetrics extends KubeObject {
  timestamp: string;
  window: string;
  usage: Usage;
}

export interface PodMetrics extends KubeObject {
  timestamp: string;
  window: string;
  containers: { name: string; usage: Usage }[];
}
