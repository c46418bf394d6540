/** Where mpiexec put this process. */
export interface Launch {
  readonly rank: number;
  readonly ranks: number;
  /** Its place among the processes of this machine. */
  readonly host: { readonly rank: number; readonly ranks: number };
}

/** The place of this process in the MPI job that it was started by, from the variables of MPICH's mpiexec; undefined outside of one. */
export function findLaunch(environment: Readonly<Record<string, string | undefined>>): Launch | undefined {
  const place = readPlace(environment.PMI_RANK, environment.PMI_SIZE);
  if (place === undefined) return undefined;
  return {
    ...place,
    host: readPlace(environment.MPI_LOCALRANKID, environment.MPI_LOCALNRANKS) ?? { rank: 0, ranks: 1 },
  };
}

function readPlace(rankText = '', ranksText = ''): { readonly rank: number; readonly ranks: number } | undefined {
  const [rank, ranks] = [Number.parseInt(rankText, 10), Number.parseInt(ranksText, 10)];
  return rank >= 0 && rank < ranks ? { rank, ranks } : undefined;
}
