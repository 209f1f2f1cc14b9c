import { badRequest } from '../../machinery/status-error.ts';
import { BufferedBody, readBody } from '../body.ts';
import { ServerContext } from '../http/context.ts';
import type { Filter, RequestContext } from '../request.ts';

export const protobufMediaType = 'application/vnd.kubernetes.protobuf';

/**
 * Go clients, kubectl's own among them, send what they create in protobuf. It becomes JSON here, so that nothing
 * behind knows of it; answers are JSON, which every such client accepts. What `isForeign` holds for goes to another server
 * as it came.
 */
export function mediaFilter(isForeign: (context: RequestContext) => boolean = () => false): Filter {
  return async (context, next) => {
    const contentType = context.headers['content-type'];
    if (contentType?.startsWith(protobufMediaType) !== true || !(context instanceof ServerContext)) return next();
    if (isForeign(context)) return next();
    const bytes = await readBody(context);
    if (bytes.length > 0) {
      const { decodeProtobuf } = await import('../../api/schema/protobuf.ts');
      context.replaceBody(
        new BufferedBody(Buffer.from(JSON.stringify(decode(decodeProtobuf, bytes)))),
        'application/json',
      );
    }
    return next();
  };
}

function decode(decodeProtobuf: (bytes: Uint8Array) => object, bytes: Uint8Array): object {
  try {
    return decodeProtobuf(bytes);
  } catch (error) {
    throw badRequest(`the body could not be decoded: ${error instanceof Error ? error.message : String(error)}`);
  }
}
