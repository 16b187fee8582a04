/** An exact share, in lowest terms; 0 is 0/1. */
export interface Fraction {
  readonly numerator: bigint;
  readonly denominator: bigint;
}

export const zero: Fraction = { numerator: 0n, denominator: 1n };
export const one: Fraction = { numerator: 1n, denominator: 1n };

/** Beyond it a number is no longer exact. */
const largestExact = BigInt(Number.MAX_SAFE_INTEGER);

/** Products of thresholds have powers of two as denominators, of some hundred digits: their common bits need no division. */
function gcdBig(a: bigint, b: bigint): bigint {
  let [x, y] = [a < 0n ? -a : a, b < 0n ? -b : b];
  if (x !== 0n && (y & (y - 1n)) === 0n) {
    const lowest = x & -x;
    return lowest < y ? lowest : y;
  }
  while (y !== 0n) {
    if (x <= largestExact && y <= largestExact) return BigInt(gcd(Number(x), Number(y)));
    [x, y] = [y, x % y];
  }
  return x;
}

function gcd(a: number, b: number): number {
  let [x, y] = [a, b];
  while (y !== 0) [x, y] = [y, x % y];
  return x;
}

/** The fraction in lowest terms. Throws RangeError when the denominator is 0. */
export function fraction(numerator: number | bigint, denominator: number | bigint): Fraction {
  const [n, d] = [BigInt(numerator), BigInt(denominator)];
  if (d === 0n) throw new RangeError("a fraction needs a denominator");
  if (d === 1n) return { numerator: n, denominator: d };
  const divisor = gcdBig(n, d) * (d < 0n ? -1n : 1n);
  return { numerator: n / divisor, denominator: d / divisor };
}

export function add(a: Fraction, b: Fraction): Fraction {
  return fraction(a.numerator * b.denominator + b.numerator * a.denominator, a.denominator * b.denominator);
}

export function multiply(a: Fraction, b: Fraction): Fraction {
  if (a.numerator === a.denominator) return b;
  if (b.numerator === b.denominator) return a;
  return fraction(a.numerator * b.numerator, a.denominator * b.denominator);
}

export function equalFractions(a: Fraction, b: Fraction): boolean {
  return a.numerator === b.numerator && a.denominator === b.denominator;
}

export function fractionToNumber(value: Fraction): number {
  return Number(value.numerator) / Number(value.denominator);
}

export function formatFraction(value: Fraction): string {
  return value.denominator === 1n ? `${value.numerator}` : `${value.numerator}/${value.denominator}`;
}

/** Greatest common divisor of whole numbers; 0 for an empty list or zeros alone. */
export function greatestCommonDivisor(values: readonly number[]): number {
  return values.reduce(gcd, 0);
}
