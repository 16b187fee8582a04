import { readFileSync, writeFileSync } from "node:fs";

/**
 * Loaded into a measured process with `node --import`: at its end writes what it used itself and what the programs
 * used that it ran, in seconds of processor time, to the file that WEIR_BENCH_COSTS names.
 */
const file = process.env.WEIR_BENCH_COSTS;
const ticksPerSecond = 100;

process.on("exit", () => {
  if (file === undefined) return;
  const { user, system } = process.cpuUsage();
  // fields 16 and 17 of proc(5)'s stat, after the command's closing parenthesis: ended children
  const fields = readFileSync("/proc/self/stat", "utf8").split(") ")[1]?.split(" ") ?? [];
  const tools = (Number(fields[13]) + Number(fields[14])) / ticksPerSecond;
  writeFileSync(file, JSON.stringify({ own: (user + system) / 1e6, tools }));
});
