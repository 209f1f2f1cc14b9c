import { after, before } from 'node:test';
import {
  type ControlPlane,
  type ControlPlaneOptions,
  eventually,
  startControlPlane,
} from '../integration/control-plane.ts';
import { Api } from './api.ts';
import { isListing } from './behaviour.ts';

/** A control plane for one test file: API server and controllers, no node. */
export interface Suite {
  readonly api: Api;
  readonly plane: ControlPlane;
  /** A namespace whose default service account is there. */
  namespace(name: string): Promise<string>;
  eventually(what: string, check: () => Promise<boolean>): Promise<void>;
}

export function controlPlaneSuite(options: ControlPlaneOptions = {}): Suite {
  let plane: ControlPlane | undefined;
  let api: Api | undefined;
  const started = <T>(part: T | undefined): T => {
    if (part === undefined) throw new Error('The control plane is not started yet');
    return part;
  };
  if (!isListing) {
    before(async () => {
      plane = await startControlPlane(options);
      api = new Api(plane.transport);
    });
    after(() => plane?.close());
  }
  return {
    eventually,
    get api() {
      return started(api);
    },
    get plane() {
      return started(plane);
    },
    async namespace(name) {
      const { api } = this;
      await api.create('/api/v1/namespaces', { metadata: { name } });
      await eventually('the default service account', async () => {
        return (await api.send('GET', `/api/v1/namespaces/${name}/serviceaccounts/default`)).status === 200;
      });
      return name;
    },
  };
}
