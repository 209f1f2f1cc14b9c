import { existsSync } from 'node:fs';
import path from 'node:path';

/** The folder that this program was installed in: where `package.json`, `examples/` and `dist/` lie. */
export function installationRoot(): string {
  let folder = import.meta.dirname;
  while (!existsSync(path.join(folder, 'package.json')) && folder !== '/') folder = path.dirname(folder);
  return folder;
}
