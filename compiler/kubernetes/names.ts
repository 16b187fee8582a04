/**
 * The alphabets of Kubernetes names. They are checked here as strictly as the API server does, because names reach
 * comments of rules: none of these can hold a quote, a blank or a line end.
 * Source: k8s.io/apimachinery pkg/util/validation.
 */
const dnsLabel = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const dnsSubdomain = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/;
const labelValue = /^[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$/;
const interfaceName = /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/;

export const dnsLabelWords = "at most 63 of a-z, 0-9 and -, beginning and ending with a letter or digit";
export const dnsSubdomainWords =
  "at most 253 of a-z, 0-9, - and ., each part beginning and ending with a letter or digit";
export const labelValueWords = "at most 63 letters, digits, -, _ and ., beginning and ending with a letter or digit";

export function isDnsLabel(text: string): boolean {
  return dnsLabel.test(text);
}

export function isDnsSubdomain(text: string): boolean {
  return text.length <= 253 && dnsSubdomain.test(text);
}

export function isLabelValue(text: string): boolean {
  return labelValue.test(text);
}

/** The kernel takes nearly any name; these are the ones that need no quoting anywhere, the alphabet of our own language. */
export function isInterfaceName(text: string, longest: number): boolean {
  return text.length <= longest && interfaceName.test(text);
}
