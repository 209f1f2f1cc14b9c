import { startDaemon } from '../daemons/daemon-process.ts';
import type { DataDirectory } from '../data-directory.ts';
import { selfCommand } from '../self.ts';

/** Has a process of its own clean up, since the agent is the first thing that it stops. */
export function startLeaving(files: DataDirectory): void {
  const { command, args } = selfCommand();
  startDaemon({
    command,
    args: [...args, 'host', 'leave', '--data-dir', files.root],
    // Not among the logs of the data directory, which go as well.
    logFile: '/var/log/roadstead-leave.log',
  });
}
