import { visibleLines } from "../../compiler/diagnostics/visible.ts";
import type { Field, Log } from "../proxy/log.ts";

/** A line on standard error for each event, for people or as JSON. A full or closed pipe loses lines and nothing else. */
export function proxyLog(form: "text" | "json", write: (text: string) => void): Log {
  if (form === "json") {
    return (level, event, fields = {}) => write(`${JSON.stringify({ time: now(), level, event, ...fields })}\n`);
  }
  return (level, event, fields = {}) => {
    const parts = Object.entries(fields).map(([name, value]) => `${name}=${fieldText(value)}`);
    write(`${visibleLines([now(), level, event, ...parts].join(" "))}\n`);
  };
}

function now(): string {
  return new Date().toISOString();
}

function fieldText(value: Field): string {
  const text = String(value);
  return /^[^\s"=]*$/.test(text) ? text : JSON.stringify(text);
}
