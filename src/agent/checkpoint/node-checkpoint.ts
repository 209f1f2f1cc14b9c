import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Node } from '../../api/core/v1/types.generated.ts';
import type { Logger } from '../../machinery/logger.ts';

/** The node's own object as last seen: its pod CIDR and what it may give, for a start without the server. */
export class NodeCheckpoint {
  readonly #path: string;
  readonly #logger: Logger;
  #saved = '';
  #saving: Promise<void> = Promise.resolve();

  constructor(options: { dataDirectory: string; logger: Logger }) {
    this.#path = join(options.dataDirectory, 'node.json');
    this.#logger = options.logger;
  }

  /** Undefined when there is none; one that cannot be read is as good as none. */
  async load(): Promise<Node | undefined> {
    try {
      return JSON.parse(await readFile(this.#path, 'utf8')) as Node;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
        this.#logger.warn({ err: error }, 'Could not read the checkpoint of the node');
      }
      return undefined;
    }
  }

  /** Writes only when something worth keeping changed. Failures are logged: the checkpoint is no condition of running. */
  save(node: Node): void {
    const { name, uid, labels } = node.metadata;
    const kept = {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name, uid, labels },
      spec: node.spec ?? {},
      status: { allocatable: node.status?.allocatable ?? {}, capacity: node.status?.capacity ?? {} },
    };
    const text = JSON.stringify(kept);
    if (text === this.#saved) return;
    this.#saved = text;
    this.#saving = this.#saving.then(async () => {
      try {
        await writeFile(`${this.#path}.new`, text, { mode: 0o600 });
        await rename(`${this.#path}.new`, this.#path);
      } catch (error) {
        this.#logger.warn({ err: error }, 'Could not write the checkpoint of the node');
      }
    });
  }
}
