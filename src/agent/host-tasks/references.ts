import type { ConfigMap, Secret } from '../../api/core/v1/types.generated.ts';
import type { ScriptStep, TaskVariable, ValueSource } from '../../api/fleet/v1/host-task.ts';
import { configMaps, secrets } from '../../api/resource-types.ts';
import type { Client } from '../../client/contract.ts';
import { isNotFound } from '../../machinery/status-error.ts';
import { askServer } from '../server-away.ts';
import { StepError } from './step-error.ts';

/** Reads what a task refers to in its namespace, and remembers which values came out of Secrets. */
export class TaskReferences {
  readonly #client: Client;
  readonly #namespace: string;
  /** To be masked wherever output is shown. */
  readonly secretValues = new Set<string>();

  constructor(client: Client, namespace: string) {
    this.#client = client;
    this.#namespace = namespace;
  }

  async value({ secretKeyRef, configMapKeyRef }: ValueSource): Promise<string> {
    if (secretKeyRef !== undefined) {
      const data = (await this.#secret(secretKeyRef.name)).data?.[secretKeyRef.key];
      if (data === undefined) throw new StepError(`Secret "${secretKeyRef.name}" has no key "${secretKeyRef.key}"`);
      return this.#secretValue(data);
    }
    if (configMapKeyRef === undefined) throw new StepError('A value names neither a Secret nor a ConfigMap');
    const { name, key } = configMapKeyRef;
    const found = await this.#configMap(name);
    const text = found.data?.[key];
    if (text !== undefined) return text;
    const binary = found.binaryData?.[key];
    if (binary === undefined) throw new StepError(`ConfigMap "${name}" has no key "${key}"`);
    return Buffer.from(binary, 'base64').toString();
  }

  async environment(variables: readonly TaskVariable[] = [], script?: ScriptStep): Promise<Record<string, string>> {
    const environment: Record<string, string> = {};
    if (script?.secretRef !== undefined) {
      const { data = {} } = await this.#secret(script.secretRef.name);
      for (const [name, value] of Object.entries(data)) environment[name] = this.#secretValue(value);
    }
    for (const { name, value, valueFrom } of variables) {
      environment[name] = valueFrom === undefined ? (value ?? '') : await this.value(valueFrom);
    }
    return environment;
  }

  /** The key `content` of a ConfigMap. */
  async chunk(name: string): Promise<Buffer> {
    const { data, binaryData } = await this.#configMap(name);
    const binary = binaryData?.['content'];
    if (binary !== undefined) return Buffer.from(binary, 'base64');
    const text = data?.['content'];
    if (text === undefined) throw new StepError(`ConfigMap "${name}" has no key "content"`);
    return Buffer.from(text);
  }

  #secretValue(base64: string): string {
    const value = Buffer.from(base64, 'base64').toString();
    this.secretValues.add(value);
    return value;
  }

  #secret(name: string): Promise<Secret> {
    return this.#ask(`Secret "${name}"`, (signal) =>
      this.#client.resource(secrets).get({ namespace: this.#namespace, name }, signal),
    );
  }

  #configMap(name: string): Promise<ConfigMap> {
    return this.#ask(`ConfigMap "${name}"`, (signal) =>
      this.#client.resource(configMaps).get({ namespace: this.#namespace, name }, signal),
    );
  }

  async #ask<T>(what: string, ask: (signal: AbortSignal) => Promise<T>): Promise<T> {
    try {
      return await askServer(ask);
    } catch (error) {
      if (isNotFound(error)) throw new StepError(`${what} does not exist in the namespace "${this.#namespace}"`);
      throw error;
    }
  }
}
