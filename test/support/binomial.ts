/** ln n! for n = 0..count. */
function logFactorials(count: number): readonly number[] {
  const logs = [0];
  for (let n = 1; n <= count; n++) logs.push((logs[n - 1] ?? 0) + Math.log(n));
  return logs;
}

/**
 * How often something of probability `share` may happen in `count` independent tries: outside of this range, bounds
 * included, is less likely than `chance`, half of it on each side. Computed from the distribution itself.
 */
export function plausibleCounts(
  count: number,
  share: number,
  chance: number,
): { readonly least: number; readonly most: number } {
  if (share <= 0 || share >= 1) return { least: count * Math.round(share), most: count * Math.round(share) };
  const logs = logFactorials(count);
  const at = (n: number) => logs[n] ?? 0;
  const probability = (k: number) =>
    Math.exp(at(count) - at(k) - at(count - k) + k * Math.log(share) + (count - k) * Math.log(1 - share));
  let least = 0;
  for (let below = probability(0); below < chance / 2; below += probability(least)) least++;
  let most = count;
  for (let above = probability(count); above < chance / 2; above += probability(most)) most--;
  return { least, most };
}
