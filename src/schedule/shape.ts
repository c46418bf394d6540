import { hasColumns } from './flat.js';
import { microbatchesPerPipeline, mostChunks, mostRanks, type Schedule } from './schedule.js';

/** What keeps the parts of a schedule from fitting together, so that its actions cannot even be looked at; empty if they fit. */
export function findShapeIssues(schedule: Schedule): string[] {
  const { ranks, microbatches, pipelines, stageToRank } = schedule;
  const issues: string[] = [];
  if (!isCount(ranks)) issues.push(`ranks is ${ranks}, not a whole number from 1`);
  if (ranks > mostRanks) issues.push(`${ranks} ranks are more than ${mostRanks}`);
  if (!isCount(microbatches)) issues.push(`microbatches is ${microbatches}, not a whole number from 1`);
  if (!hasColumns(schedule) && schedule.actions.length !== ranks) {
    issues.push(`there are ${schedule.actions.length} lists of actions for ${ranks} ranks`);
  }
  if (pipelines.length === 0) issues.push('there is no pipeline');
  const each = microbatchesPerPipeline(schedule);
  if (pipelines.length > 0 && !Number.isInteger(each)) {
    issues.push(`${microbatches} microbatches do not divide over ${pipelines.length} pipelines`);
  }
  if (stageToRank.length * each > mostChunks) {
    issues.push(`${stageToRank.length} stages x ${each} microbatches are more than ${mostChunks} chunks`);
  }
  for (const [stage, rank] of stageToRank.entries()) {
    if (!Number.isInteger(rank) || rank < 0 || rank >= ranks)
      issues.push(`stage ${stage} is on rank ${rank}, which does not exist`);
  }
  return [...issues, ...findChainIssues(pipelines, stageToRank.length)];
}

function findChainIssues(pipelines: Schedule['pipelines'], stages: number): string[] {
  const issues: string[] = [];
  const uses = new Map<number, number>();
  for (const stage of pipelines.flat()) {
    if (!Number.isInteger(stage) || stage < 0 || stage >= stages)
      issues.push(`a pipeline names stage ${stage}, which does not exist`);
    uses.set(stage, (uses.get(stage) ?? 0) + 1);
  }
  for (let stage = 0; stage < stages; stage++) {
    const count = uses.get(stage) ?? 0;
    if (count !== 1) issues.push(`stage ${stage} is in ${count} places of the pipelines, not in one`);
  }
  return issues;
}

function isCount(value: number): boolean {
  return Number.isInteger(value) && value >= 1;
}
