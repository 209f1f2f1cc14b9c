import type { Pod } from '../../api/core/v1/types.generated.ts';
import { pods } from '../../api/resource-types.ts';
import type { Informer, InformerFactory } from '../../client/index.ts';
import { controllerOf } from '../owners.ts';

const byController = 'controllerUid';
const orphans = 'orphansOfNamespace';
const byNode = 'nodeName';

/** The pods of a cluster, by whom they belong to and by where they run. */
export interface PodIndex {
  readonly informer: Informer<Pod>;
  controlledBy(uid: string): readonly Pod[];
  /** Pods of a namespace that no controller manages. */
  orphansIn(namespace: string): readonly Pod[];
  onNode(name: string): readonly Pod[];
}

export function podIndex(informers: InformerFactory): PodIndex {
  const informer = informers.informer(pods);
  informer.addIndex(byController, (pod) => {
    const uid = controllerOf(pod)?.uid;
    return uid === undefined ? [] : [uid];
  });
  informer.addIndex(orphans, (pod) => (controllerOf(pod) === undefined ? [pod.metadata.namespace ?? ''] : []));
  informer.addIndex(byNode, (pod) => (pod.spec?.nodeName === undefined ? [] : [pod.spec.nodeName]));
  return {
    informer,
    controlledBy: (uid) => informer.byIndex(byController, uid),
    orphansIn: (namespace) => informer.byIndex(orphans, namespace),
    onNode: (name) => informer.byIndex(byNode, name),
  };
}
