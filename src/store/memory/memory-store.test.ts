import { runStoreContract } from '../contract-suite.ts';
import { MemoryStore } from './memory-store.ts';

runStoreContract('memory', async () => new MemoryStore());
