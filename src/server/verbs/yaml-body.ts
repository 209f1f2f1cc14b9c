import type { Document, LineCounter } from 'yaml';
import { depthMax, isDeeperThan } from '../../machinery/json.ts';
import { badRequest } from '../../machinery/status-error.ts';

const aliasesMax = 1000;
const repeated = 'already set in map';

/** A problem that came from `parseYaml`. */
export function isOfYaml(problem: string): boolean {
  return problem.endsWith(repeated);
}

/** Throws 400. Keys that stand twice are told of in upstream's words. */
export async function parseYaml(
  body: Buffer,
  duplicates: boolean,
): Promise<{ value: unknown; duplicateFields: readonly string[] }> {
  const { isScalar, LineCounter, parseDocument, visit } = await import('yaml');
  const lines = new LineCounter();
  const document = parseDocument(body.toString(), {
    version: '1.1',
    uniqueKeys: false,
    merge: true,
    prettyErrors: false,
    lineCounter: lines,
  });
  const [problem] = document.errors;
  if (problem !== undefined) {
    const { line } = lines.linePos(problem.pos[0]);
    throw badRequest(`error converting YAML to JSON: yaml: line ${line}: ${problem.message}`);
  }
  const duplicateFields: string[] = [];
  if (duplicates) {
    visit(document, {
      Map(_, { items }) {
        const seen = new Set<string>();
        for (const { key } of items) {
          if (!isScalar(key)) continue;
          const name = String(key.value);
          if (seen.has(name)) {
            duplicateFields.push(`${yamlLine(lines, key.range?.[0])}key ${JSON.stringify(name)} ${repeated}`);
          }
          seen.add(name);
        }
      },
    });
  }
  return { value: plainValue(document), duplicateFields };
}

function plainValue(document: Document.Parsed): unknown {
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: aliasesMax });
  } catch (error) {
    throw badRequest(`error converting YAML to JSON: yaml: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (isDeeperThan(value, depthMax)) throw badRequest('error converting YAML to JSON: yaml: exceeded max depth');
  return value;
}

function yamlLine(lines: LineCounter, offset: number | undefined): string {
  return offset === undefined ? '' : `line ${lines.linePos(offset).line}: `;
}
