export { listCandidates, withOtherAffinity } from './candidates.js';
