import type { Service } from '../api/core/v1/types.generated.ts';
import type { IPAddress } from '../api/networking/v1/types.generated.ts';
import { ipAddresses, services } from '../api/resource-types.ts';
import { createWorkQueue } from '../client/index.ts';
import { objectKey } from '../machinery/meta.ts';
import { isAlreadyExists, isNotFound } from '../machinery/status-error.ts';
import type { Controller, ControllerContext } from './controller.ts';

const managedByLabel = 'ipaddress.kubernetes.io/managed-by';
const familyLabel = 'ipaddress.kubernetes.io/ip-family';
const managedBy = 'ipallocator.k8s.io';

/**
 * Shows which addresses are taken by Services. The server gives them out by itself; these objects follow. Inputs:
 * Services, IPAddresses. Outputs: one IPAddress for each cluster address.
 */
export function ipAddressController({ client, informers }: ControllerContext): Controller {
  const queue = createWorkQueue();
  const allServices = informers.informer(services);
  const addresses = informers.informer(ipAddresses);
  const byAddress = 'clusterIp';
  allServices.addIndex(byAddress, clusterIpsOf);
  const addAll = (...versions: Service[]): void => {
    for (const version of versions) for (const ip of clusterIpsOf(version)) queue.add(ip);
  };
  allServices.addHandler({ added: addAll, updated: addAll, deleted: addAll });
  const add = ({ metadata }: IPAddress): void => queue.add(metadata.name);
  addresses.addHandler({ added: add, deleted: add });
  return {
    name: 'service-ip-address',
    queue,
    async reconcile(ip) {
      const [service] = allServices.byIndex(byAddress, ip);
      const present = addresses.get(ip);
      if (service !== undefined && present === undefined) {
        await client
          .resource(ipAddresses)
          .create(addressFor(service, ip))
          .catch((error: unknown) => {
            if (!isAlreadyExists(error)) throw error;
          });
        return undefined;
      }
      // Those that others made for themselves are theirs.
      if (present?.metadata.labels?.[managedByLabel] !== managedBy) return undefined;
      const parent = present.spec.parentRef;
      const isRight = service !== undefined && `${parent?.namespace}/${parent?.name}` === objectKey(service);
      if (isRight) return undefined;
      const { uid } = present.metadata;
      await client
        .resource(ipAddresses)
        .delete(present.metadata, uid === undefined ? {} : { preconditions: { uid } })
        .catch((error: unknown) => {
          if (!isNotFound(error)) throw error;
        });
      return undefined;
    },
  };
}

function clusterIpsOf({ spec }: Service): string[] {
  const all = spec.clusterIPs ?? (spec.clusterIP === undefined ? [] : [spec.clusterIP]);
  return all.filter((ip) => ip !== '' && ip !== 'None');
}

function addressFor({ metadata }: Service, ip: string): IPAddress {
  const { namespace, name } = metadata;
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'IPAddress',
    metadata: { name: ip, labels: { [familyLabel]: ip.includes(':') ? 'IPv6' : 'IPv4', [managedByLabel]: managedBy } },
    spec: { parentRef: { group: '', resource: 'services', name, ...(namespace === undefined ? {} : { namespace }) } },
  };
}
