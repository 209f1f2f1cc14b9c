import { spawnSync } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { startDaemon, stopDaemon } from '../daemons/daemon-process.ts';
import { daemonEnvironment, nodeArguments } from '../daemons/memory.ts';
import type { DataDirectory } from '../data-directory.ts';
import { selfCommand } from '../self.ts';
import { UserError } from '../user-error.ts';
import type { JoinRecord } from './join-record.ts';

const unitName = 'roadstead-agent.service';
const unitFile = `/etc/systemd/system/${unitName}`;
const stopTimeoutMs = 15_000;

export function serviceKind(): JoinRecord['service'] {
  return existsSync('/run/systemd/system') ? 'systemd' : 'supervisor';
}

/** Starts the agent under what keeps it running, or anew when it runs. `program` is the executable, if it is one file. */
export async function startService(files: DataDirectory, program: string | undefined, flags: readonly string[]) {
  const self = program === undefined ? selfCommand(nodeArguments.agent) : { command: program, args: [] };
  const agent = [self.command, ...self.args, 'agent', ...flags];
  if (serviceKind() === 'systemd') {
    writeFileSync(unitFile, unitText(agent));
    systemctl('daemon-reload');
    systemctl('enable', '--quiet', unitName);
    systemctl('restart', unitName);
    return;
  }
  await stopDaemon(files.pidFile('supervisor'), stopTimeoutMs);
  const [command = '', ...args] = program === undefined ? [...commandOf(selfCommand())] : [program];
  startDaemon({
    command,
    args: [...args, 'supervise', '--pid-file', files.pidFile('agent'), '--', ...agent],
    env: daemonEnvironment,
    logFile: files.logFile('agent'),
    pidFile: files.pidFile('supervisor'),
  });
}

/** Stops the agent for good; pods' containers go on. Safe to repeat. */
export async function stopService(files: DataDirectory): Promise<void> {
  if (existsSync(unitFile)) {
    spawnSync('systemctl', ['disable', '--now', '--quiet', unitName], { stdio: 'ignore' });
    rmSync(unitFile, { force: true });
    spawnSync('systemctl', ['daemon-reload'], { stdio: 'ignore' });
  }
  await stopDaemon(files.pidFile('supervisor'), stopTimeoutMs);
  await stopDaemon(files.pidFile('agent'), stopTimeoutMs);
}

function commandOf({ command, args }: { command: string; args: readonly string[] }): string[] {
  return [command, ...args];
}

/** Only the agent itself is stopped with the unit: what it started for pods, and its own leaving, goes on. */
function unitText(agent: readonly string[]): string {
  const environment = Object.entries(daemonEnvironment).map(([name, value]) => `Environment=${name}=${value}\n`);
  return `[Unit]
Description=Roadstead agent
Wants=network-online.target
After=network-online.target docker.service

[Service]
ExecStart=${agent.map(quoted).join(' ')}
${environment.join('')}Restart=always
RestartSec=1
KillMode=process
Delegate=yes
LimitNOFILE=1048576

[Install]
WantedBy=multi-user.target
`;
}

/** As systemd.service(5) reads a word. */
function quoted(word: string): string {
  return `"${word.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('%', '%%').replaceAll('$', '$$$$')}"`;
}

function systemctl(...args: string[]): void {
  const { status, stderr } = spawnSync('systemctl', args, { encoding: 'utf8' });
  if (status !== 0) throw new UserError(`systemctl ${args.join(' ')} failed: ${stderr.trim()}`);
}
