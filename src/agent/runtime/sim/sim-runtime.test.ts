import { runRuntimeContract } from '../runtime-contract.ts';
import { SimRuntime, simExitAfterMs, simExitCode } from './sim-runtime.ts';

runRuntimeContract('sim', async () => ({
  runtime: new SimRuntime({ images: ['present:1'] }),
  image: 'present:1',
  exitsWith: (code) => ({
    command: [],
    env: [
      { name: simExitCode, value: String(code) },
      { name: simExitAfterMs, value: '5' },
    ],
  }),
  runsOn: { command: [], env: [] },
}));
