/**
 * Words of a spec that both front ends must know. They are apart from the schemas, so that reading a .weir file
 * does not load zod, which takes longer than everything else that a small file needs.
 */

/** Scheduler names as the kernel spells them (net/netfilter/ipvs). */
export const schedulers = [
  "rr",
  "wrr",
  "lc",
  "wlc",
  "lblc",
  "lblcr",
  "dh",
  "sh",
  "sed",
  "nq",
  "mh",
  "fo",
  "ovf",
] as const;

/** IP_VS_SVC_F_SCHED flags of sh and mh: next server when the hashed one is unavailable; hash the port too. */
export const schedulerFlags = ["fallback", "port"] as const;
