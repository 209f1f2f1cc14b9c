/** What happened in the cluster, as far as it can make a pod schedulable that was not. */
export type ClusterEvent =
  | 'nodeAdded'
  | 'nodeAllocatableChanged'
  | 'nodeLabelsChanged'
  | 'nodeTaintsChanged'
  | 'podAssigned'
  | 'assignedPodLabelsChanged'
  | 'assignedPodScaledDown'
  | 'assignedPodGone'
  | 'namespaceLabelsChanged'
  | 'storageChanged';
