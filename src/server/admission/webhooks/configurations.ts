import type {
  MatchCondition,
  MutatingWebhook,
  MutatingWebhookConfiguration,
  ValidatingWebhook,
} from '../../../api/admissionregistration/v1/types.generated.ts';
import { as } from '../../../api/resource.ts';
import type { Selector } from '../../../machinery/labels.ts';
import type { UnknownObject } from '../../../machinery/meta.ts';
import type { ObjectAccess } from '../../contract.ts';
import type { AdmissionAttributes } from '../../request.ts';
import type { ConnectToService } from '../../service-connection.ts';
import { createWebhookClient, type WebhookClient } from '../../webhook-client.ts';
import { type RuleSet, ruleMatches } from '../matching/rules.ts';
import { compileSelector, isAdmissionConfiguration } from '../matching/selectors.ts';

const group = 'admissionregistration.k8s.io';
const timeoutSecondsDefault = 10;

/** One webhook of one configuration, ready to be asked. */
export interface CompiledWebhook {
  /** Names the webhook within the server: `configuration/webhook`. */
  readonly id: string;
  readonly name: string;
  readonly configuration: string;
  readonly rules: RuleSet;
  readonly namespaceSelector: Selector;
  readonly objectSelector: Selector;
  readonly matchConditions: readonly MatchCondition[];
  readonly ignoresFailure: boolean;
  readonly reinvokes: boolean;
  readonly isFreeOfSideEffects: boolean;
  readonly timeoutSeconds: number;
  readonly reviewVersion: string;
  readonly client: WebhookClient;
}

/** The webhooks of all configurations of one kind, compiled when a configuration changes and never per request. */
export class WebhookConfigurations {
  readonly #byConfiguration = new Map<string, readonly CompiledWebhook[]>();
  readonly #connect: ConnectToService;
  readonly #stop: () => void;
  readonly #handled = new Map<string, boolean>();
  #ordered: readonly CompiledWebhook[] = [];

  constructor(
    resource: 'mutatingwebhookconfigurations' | 'validatingwebhookconfigurations',
    objects: ObjectAccess,
    connect: ConnectToService,
  ) {
    this.#connect = connect;
    const of = { group, resource };
    this.#stop = objects.onChange(of, ({ type, name, object }) => {
      this.#drop(name);
      if (type === 'put') this.#take(object);
      this.#order();
    });
    for (const object of objects.list(of)) this.#take(object);
    this.#order();
  }

  /** In the order of their configurations' names, then as written. */
  get all(): readonly CompiledWebhook[] {
    return this.#ordered;
  }

  /** Whether any webhook might want this request, whatever its version, namespace and labels. */
  handle(asked: Pick<AdmissionAttributes, 'operation' | 'group' | 'resource' | 'subresource'>): boolean {
    if (this.#ordered.length === 0 || isAdmissionConfiguration(asked)) return false;
    const id = `${asked.operation} ${asked.group}/${asked.resource}/${asked.subresource}`;
    let handled = this.#handled.get(id);
    if (handled === undefined) {
      handled = this.#ordered.some(({ rules }) => mayMatch(rules, asked));
      this.#handled.set(id, handled);
    }
    return handled;
  }

  close(): void {
    this.#stop();
    for (const name of [...this.#byConfiguration.keys()]) this.#drop(name);
    this.#order();
  }

  #take(object: UnknownObject): void {
    const { metadata, webhooks = [] } = as<MutatingWebhookConfiguration>(object);
    this.#byConfiguration.set(
      metadata.name,
      webhooks.map((webhook) => compile(metadata.name, webhook, this.#connect)),
    );
  }

  #drop(configuration: string): void {
    for (const { client } of this.#byConfiguration.get(configuration) ?? []) client.close();
    this.#byConfiguration.delete(configuration);
  }

  #order(): void {
    this.#handled.clear();
    this.#ordered = [...this.#byConfiguration].sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([, webhooks]) => webhooks);
  }
}

/** An equivalent version may bear another group and name, so only what is the same in all of them is asked then. */
function mayMatch(
  { rules, matchPolicy }: RuleSet,
  {
    operation,
    group: of,
    resource,
    subresource,
  }: Pick<AdmissionAttributes, 'operation' | 'group' | 'resource' | 'subresource'>,
): boolean {
  return rules.some((rule) => {
    const anyVersion = { ...rule, apiVersions: ['*'], scope: '*' };
    if (matchPolicy !== 'Exact') Object.assign(anyVersion, { apiGroups: ['*'] });
    return ruleMatches(anyVersion, {
      operation,
      group: of,
      resource,
      subresource,
      version: '',
      namespace: '',
      name: '',
    });
  });
}

function compile(
  configuration: string,
  webhook: MutatingWebhook | ValidatingWebhook,
  connect: ConnectToService,
): CompiledWebhook {
  const { name, rules = [], matchPolicy, sideEffects } = webhook;
  return {
    id: `${configuration}/${name}`,
    name,
    configuration,
    rules: { rules, matchPolicy },
    namespaceSelector: compileSelector(webhook.namespaceSelector),
    objectSelector: compileSelector(webhook.objectSelector),
    matchConditions: webhook.matchConditions ?? [],
    ignoresFailure: webhook.failurePolicy === 'Ignore',
    reinvokes: 'reinvocationPolicy' in webhook && webhook.reinvocationPolicy === 'IfNeeded',
    isFreeOfSideEffects: sideEffects === 'None' || sideEffects === 'NoneOnDryRun',
    timeoutSeconds: webhook.timeoutSeconds ?? timeoutSecondsDefault,
    reviewVersion: (webhook.admissionReviewVersions ?? []).find((version) => version === 'v1') ?? 'v1beta1',
    client: createWebhookClient(webhook.clientConfig, connect),
  };
}
