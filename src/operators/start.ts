import type { Client, InformerFactory } from '../client/contract.ts';
import { createInformerFactory } from '../client/index.ts';
import type { Logger } from '../machinery/logger.ts';
import { commandController } from './fleet/command/command-controller.ts';
import { fleetDefinitions } from './fleet/definitions/definitions.ts';
import { hostController } from './fleet/host/host-controller.ts';
import { hostInitController } from './fleet/host-init/host-init-controller.ts';
import { installDefinitions } from './install-definitions.ts';
import { type Operator, type OperatorContext, runOperator } from './operator.ts';

export interface StartOperatorsOptions {
  /** Everything goes through this; its user must be allowed what the operators do. */
  readonly client: Client;
  /** Shared with others in this process; left out, the operators keep their own. */
  readonly informers?: InformerFactory;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** Installs the operators' definitions, then runs their controllers until `signal` aborts. */
export async function startOperators(options: StartOperatorsOptions): Promise<void> {
  const { client, signal } = options;
  const logger = options.logger.child({ part: 'operators' });
  await installDefinitions({ client, definitions: fleetDefinitions, logger, signal });
  if (signal.aborted) return;
  const informers = options.informers ?? createInformerFactory(client, { logger });
  const context: OperatorContext = { client, informers, logger, now: Date.now };
  const operators = makeOperators(context);
  informers.start(signal);
  await Promise.all(operators.map((operator) => runOperator(operator, context, signal)));
}

function makeOperators(context: OperatorContext): Operator[] {
  return [hostController(context), commandController(context), hostInitController(context)];
}
