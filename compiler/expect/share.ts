import { add, type Fraction, fraction, fractionToNumber, zero } from "../net/fraction.ts";

/** What the thresholds of a kernel, whole numbers of 31 or 32 bits, may be off, in percent. */
const kernelSlack = 1e-6;

/** The sum; null when a part depends on load or hashes. */
export function sumOf(shares: readonly (Fraction | null)[]): Fraction | null {
  let sum = zero;
  for (const share of shares) {
    if (share === null) return null;
    sum = add(sum, share);
  }
  return sum;
}

/**
 * Whether a share is what `33%` says: at most half a unit of the last written place away, so that one third is 33% and
 * 33.3%, and neither 33.4% nor 34%. 0% and 100% are exact, because they say that something never happens.
 */
export function isPercent(share: Fraction, percent: number): boolean {
  if (percent === 0) return share.numerator === 0n;
  if (percent === 100) return share.numerator === share.denominator;
  const places = String(percent).split(".")[1]?.length ?? 0;
  const exact = fractionToNumber(fraction(share.numerator * 100n, share.denominator));
  return Math.abs(exact - percent) <= 0.5 * 10 ** -places + kernelSlack;
}

/** `75%`, `33.33%`; what is less than a hundredth of a percent is not called nothing. */
export function formatShare(share: Fraction | null): string {
  if (share === null) return "an unknown share";
  const percent = Math.round(fractionToNumber(share) * 10_000) / 100;
  if (percent === 0 && share.numerator !== 0n) return "less than 0.01%";
  if (percent === 100 && share.numerator !== share.denominator) return "more than 99.99%";
  return `${percent}%`;
}
