/** Where mpiexec put this process. */
export interface Launch {
  readonly rank: number;
  readonly ranks: number;
}

/** The place of this process in the MPI job that it was started by, from the variables of MPICH's mpiexec; undefined outside of one. */
export function findLaunch(environment: Readonly<Record<string, string | undefined>>): Launch | undefined {
  const [rank, ranks] = [environment.PMI_RANK, environment.PMI_SIZE].map((text) =>
    text === undefined ? NaN : Number(text),
  );
  return Number.isInteger(rank) && Number.isInteger(ranks) && rank >= 0 && rank < ranks ? { rank, ranks } : undefined;
}
