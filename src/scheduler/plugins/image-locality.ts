import type { Pod } from '../../api/core/v1/types.generated.ts';
import { type Plugin, scoreMax } from './plugin.ts';

const mebibyte = 1024 * 1024;
/** Images below this in all are not worth moving a pod for; above the other, more makes no difference. */
const bytesMin = 23 * mebibyte;
const bytesMaxPerContainer = 1000 * mebibyte;

/** Prefers nodes that hold the pod's images, less so when few do, lest one node draws all pods. */
export const imageLocality: Plugin = {
  name: 'ImageLocality',
  weight: 1,
  retryOn: new Set(),
  score({ pod }, nodes, snapshot) {
    const images = imagesOf(pod);
    const shares = images.map((image) => snapshot.imageNodes(image) / snapshot.nodes.length);
    if (shares.every((share) => share === 0)) return undefined;
    const bytesMax = bytesMaxPerContainer * images.length;
    return nodes.map((node) => {
      let bytes = 0;
      images.forEach((image, i) => {
        bytes += Math.floor((node.images.get(image) ?? 0) * (shares[i] ?? 0));
      });
      const bounded = Math.min(Math.max(bytes, bytesMin), bytesMax);
      return Math.floor((scoreMax * (bounded - bytesMin)) / (bytesMax - bytesMin));
    });
  },
};

function imagesOf(pod: Pod): string[] {
  const containers = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])];
  return containers.map(({ image = '' }) =>
    image.lastIndexOf(':') <= image.lastIndexOf('/') ? `${image}:latest` : image,
  );
}
