/**
 * How many replicas each expert gets, so that the largest share of a replica is as small as it can be: every expert one, then each further slot to
 * the expert with the largest share. This greedy rule is optimal for the largest share (it is D'Hondt's apportionment: the shares that are handed out are the
 * largest of all quotients load / 1, 2, 3, ...). An expert has at most `maxCount` replicas, while that leaves slots for none to stay empty.
 *
 * Writes `count` and `share` (load / count), both `[experts]`.
 */
export function replicateExperts(
  load: Float64Array,
  slots: number,
  maxCount: number,
  count: Int32Array,
  share: Float64Array,
): void {
  const experts = load.length;
  count.fill(1);
  share.set(load);
  let limit = Math.max(1, maxCount);
  for (let slot = experts; slot < slots; slot++) {
    let hottest = -1;
    for (let expert = 0; expert < experts; expert++) {
      if (count[expert]! < limit && (hottest < 0 || share[expert]! > share[hottest]!)) hottest = expert;
    }
    if (hottest < 0) {
      limit = Number.POSITIVE_INFINITY;
      slot -= 1;
      continue;
    }
    count[hottest]! += 1;
    share[hottest] = load[hottest]! / count[hottest]!;
  }
}
