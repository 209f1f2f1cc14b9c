import { dataDirectory } from '../data-directory.ts';
import { residentBytes, runningPid } from './daemon-process.ts';
import { defaultDockerSocket, engineVersion } from './docker-engine.ts';

/** `roadstead status`: one line a part; exit 1 when one is missing. */
export async function status({ dataDir }: { dataDir: string }): Promise<void> {
  const files = dataDirectory(dataDir);
  const engine = await engineVersion(defaultDockerSocket);
  console.log(`docker  ${engine === undefined ? 'does not answer' : `Engine ${engine} answers`}`);
  let missing = engine === undefined;
  for (const daemon of ['server', 'agent']) {
    const pid = runningPid(files.pidFile(daemon));
    missing ||= pid === undefined;
    const memory = pid === undefined ? '' : `, ${Math.round(residentBytes(pid) / 2 ** 20)} MB`;
    console.log(
      `${daemon.padEnd(7)} ${pid === undefined ? 'not running' : `runs as process ${pid}${memory}`}, log ${files.logFile(daemon)}`,
    );
  }
  if (missing) process.exitCode = 1;
}
