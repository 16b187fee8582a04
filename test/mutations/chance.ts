/** A number from 0 to 1 that depends on the seed and the text alone (FNV-1a). */
export function chanceOf(seed: number, text: string): number {
  let hash = (2166136261 ^ seed) >>> 0;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 16777619) >>> 0;
  // the last characters have not reached the high bits yet
  for (let round = 0; round < 4; round++) hash = Math.imul(hash ^ (hash >>> 13), 16777619) >>> 0;
  return hash / 2 ** 32;
}
