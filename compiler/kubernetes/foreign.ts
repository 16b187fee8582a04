import { isRecord } from "./records.ts";

/** The keys that tell an object of Kubernetes, in any case: one of them misspelled does not hide the object. */
const tellingKeys: ReadonlySet<string> = new Set(["apiversion", "kind", "metadata"]);
const tellingWord = /apiVersion|kind|metadata/i;

/** Whether a document is an object of Kubernetes or a list with one, or is meant to be. */
function looksLikeObjects(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(looksLikeObject);
  return looksLikeObject(value) || (isRecord(value) && Array.isArray(value.items) && value.items.some(looksLikeObject));
}

function looksLikeObject(value: unknown): boolean {
  return isRecord(value) && Object.keys(value).some((key) => tellingKeys.has(key.toLowerCase()));
}

/**
 * Whether a YAML or JSON file is of some other kind: there is something in it, and nothing that is an object of
 * Kubernetes or a broken one. A text that could not be parsed counts only if no word in it hints at an object.
 */
export function isForeign(text: string, documents: readonly unknown[], isBroken: boolean): boolean {
  if (isBroken) return !tellingWord.test(text);
  const filled = documents.filter((value) => !isEmpty(value));
  return filled.length > 0 && !filled.some(looksLikeObjects);
}

function isEmpty(value: unknown): boolean {
  return value === null || (Array.isArray(value) && value.length === 0);
}
