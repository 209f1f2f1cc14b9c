import {
  baseImage,
  hasImage,
  importBaseImage,
  importPauseImage,
  pauseImage,
} from '../../agent/images/builtin/import.ts';
import { UserError } from '../user-error.ts';
import { engineVersion } from './docker-engine.ts';

export interface ImagesOptions {
  readonly dockerSocket: string;
  /** Also when they are there. Default false. */
  readonly force?: boolean;
  /** Leave out `roadstead/base`, which is made from an installation. Default false. */
  readonly pauseOnly?: boolean;
  say?(line: string): void;
}

/** `roadstead images`: makes what a cluster needs where no registry can be reached. */
export async function buildImages({
  dockerSocket,
  force = false,
  pauseOnly = false,
  say = console.log,
}: ImagesOptions): Promise<void> {
  if ((await engineVersion(dockerSocket)) === undefined) {
    throw new UserError(`No Docker Engine answers on ${dockerSocket}; start it, or let "roadstead up" do so`);
  }
  for (const [image, make] of [
    [pauseImage, importPauseImage],
    [baseImage, importBaseImage],
  ] as const) {
    if (pauseOnly && image === baseImage) continue;
    if (!force && (await hasImage(dockerSocket, image))) {
      say(`${image} is there`);
      continue;
    }
    await make(dockerSocket);
    say(`${image} built`);
  }
}
