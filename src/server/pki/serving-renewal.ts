import type { Logger } from '../../machinery/logger.ts';
import type { Listener } from '../http/listener.ts';
import type { Pki } from './pki.ts';

/** The certificate is good for months; the addresses of a host that it must name may change any time. */
const checkIntervalMs = 60 * 60 * 1000;

export interface ServingRenewalOptions {
  readonly pki: Pick<Pki, 'serving' | 'currentServing'>;
  readonly listener: Pick<Listener, 'renew'>;
  readonly logger: Logger;
  readonly intervalMs?: number;
}

/** Has new connections see a new serving certificate before the old one ends. Runs until the answer is called. */
export function startServingRenewal({ pki, listener, logger, intervalMs }: ServingRenewalOptions): () => void {
  let current = pki.serving.certificate;
  let isChecking = false;
  const check = async (): Promise<void> => {
    const { certificate, key } = await pki.currentServing();
    if (certificate === current) return;
    listener.renew(certificate, key);
    current = certificate;
    logger.info({}, 'Serving certificate was renewed');
  };
  const timer = setInterval(() => {
    if (isChecking) return;
    isChecking = true;
    check()
      .catch((error: unknown) => logger.error({ err: error }, 'Serving certificate could not be renewed'))
      .finally(() => {
        isChecking = false;
      });
  }, intervalMs ?? checkIntervalMs);
  timer.unref();
  return () => clearInterval(timer);
}
