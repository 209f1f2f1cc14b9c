import type { CustomResourceDefinition } from '../../../api/apiextensions/v1/types.generated.ts';
import { fleetGroup, fleetVersion } from '../../../api/fleet/v1/host.ts';

const text = { type: 'string' };
const texts = { type: 'array', items: text };
const percent = { type: 'integer', minimum: 0, maximum: 100 };
const bytes = { type: 'integer', format: 'int64' };

/** `kubectl get hosts`: every machine that has joined. The shape is `Host` in `api/fleet/v1/host.ts`. */
export const hostDefinition: CustomResourceDefinition = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `hosts.${fleetGroup}` },
  spec: {
    group: fleetGroup,
    scope: 'Cluster',
    names: { kind: 'Host', listKind: 'HostList', plural: 'hosts', singular: 'host', categories: ['fleet'] },
    versions: [
      {
        name: fleetVersion,
        served: true,
        storage: true,
        subresources: { status: {} },
        additionalPrinterColumns: [
          { name: 'Roles', type: 'string', jsonPath: '.spec.roles' },
          { name: 'Status', type: 'string', jsonPath: '.status.phase' },
          { name: 'OS', type: 'string', jsonPath: '.status.facts.os' },
          { name: 'CPU%', type: 'integer', jsonPath: '.status.usage.cpuPercent' },
          { name: 'Memory%', type: 'integer', jsonPath: '.status.usage.memoryPercent' },
          { name: 'Load', type: 'string', jsonPath: '.status.usage.load' },
          { name: 'Last-Seen', type: 'date', jsonPath: '.status.lastSeen' },
          { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
          { name: 'Kernel', type: 'string', jsonPath: '.status.facts.kernel', priority: 1 },
          { name: 'Version', type: 'string', jsonPath: '.status.agentVersion', priority: 1 },
          { name: 'Notes', type: 'string', jsonPath: '.spec.notes', priority: 1 },
        ],
        schema: {
          openAPIV3Schema: {
            type: 'object',
            description: 'A machine that has joined the fleet',
            properties: { spec: specSchema(), status: statusSchema() },
          },
        },
      },
    ],
  },
};

function specSchema() {
  return {
    type: 'object',
    properties: {
      roles: {
        type: 'array',
        description: 'What the host is for; "node" runs pods, and a host without roles is in the pool',
        items: { ...text, maxLength: 63, pattern: '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$' },
        maxItems: 16,
        'x-kubernetes-list-type': 'set',
      },
      notes: { ...text, maxLength: 4096 },
      unschedulable: {
        type: 'boolean',
        description: 'Commands and packages that select hosts leave this one out',
      },
    },
  };
}

function statusSchema() {
  return {
    type: 'object',
    properties: {
      phase: { ...text, enum: ['Ready', 'NotReady', 'Left', 'Lost'] },
      lastSeen: { ...text, format: 'date-time' },
      addresses: texts,
      agentVersion: text,
      facts: factsSchema(),
      usage: {
        type: 'object',
        properties: {
          cpuPercent: percent,
          memoryPercent: percent,
          diskPercent: percent,
          receivedBytesPerSecond: bytes,
          sentBytesPerSecond: bytes,
          load: text,
        },
      },
      conditions: {
        type: 'array',
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['type'],
        items: {
          type: 'object',
          required: ['type', 'status'],
          properties: {
            type: text,
            status: { ...text, enum: ['True', 'False', 'Unknown'] },
            reason: text,
            message: text,
            lastTransitionTime: { ...text, format: 'date-time' },
          },
        },
      },
    },
  };
}

function factsSchema() {
  return {
    type: 'object',
    properties: {
      os: text,
      kernel: text,
      architecture: text,
      cpus: { type: 'integer' },
      cpuModel: text,
      memoryBytes: bytes,
      disks: {
        type: 'array',
        items: { type: 'object', properties: { name: text, sizeBytes: bytes, model: text } },
      },
      nics: { type: 'array', items: { type: 'object', properties: { name: text, mac: text, addresses: texts } } },
      virtualization: text,
      gpus: texts,
      engine: text,
      systemd: { type: 'boolean' },
      machineId: text,
      bootId: text,
    },
  };
}
