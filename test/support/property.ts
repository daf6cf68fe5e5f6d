import fc from 'fast-check';
import { SEED } from './seed.ts';

// Every property, and every sample, draws from the one seed of the run. Nothing else may import fast-check.
fc.configureGlobal({ seed: SEED });

export default fc;
