/** The SDK's door: everything a program needs to speak with the API and to be a controller on it. */
export { Backoff } from './backoff.ts';
export { type Clock, systemClock } from './clock.ts';
export type {
  Client,
  EventHandler,
  EventRecorder,
  Informer,
  InformerFactory,
  InformerFilter,
  Lister,
  ListOptions,
  ObjectRef,
  Patch,
  RawRequest,
  RawResponse,
  Reconcile,
  ReconcileResult,
  ResourceClient,
  Transport,
  WatchEvent,
  WatchOptions,
  WorkQueue,
  WriteOptions,
} from './contract.ts';
export { type ControllerOptions, isTerminal, runController, TerminalError } from './controller-runner.ts';
export { sleep } from './delay.ts';
export { createEventRecorder, type EventRecorderOptions, referenceTo } from './event-recorder.ts';
export { createHttpsTransport } from './https-transport.ts';
export { type InformerOptions, WatchedResource } from './informer.ts';
export { createInformerFactory, dropManagedFields, type InformerFactoryOptions } from './informer-factory.ts';
export { type Connection, inClusterConnection, loadKubeconfig } from './kubeconfig.ts';
export { type LeaderElectionOptions, runLeaderElection } from './leader-election.ts';
export { metadataClient } from './metadata-client.ts';
export { createResourceClient } from './resource-client.ts';
export { type ClientOptions, createClient } from './rest-client.ts';
export type { TransportOptions } from './transport-options.ts';
export { createWorkQueue, type WorkQueueOptions } from './work-queue.ts';
