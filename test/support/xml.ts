/** An element of XML as a test looks at it. */
export interface XmlElement {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly XmlElement[];
  readonly text: string;
}

const entities: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };
// XML 1.0, production 2
const character = /^[\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]*$/u;
const token = /<\/([A-Za-z][\w.-]*)>|<([A-Za-z][\w.-]*)((?:\s+[A-Za-z][\w.-]*="[^"<]*")*)(\/?)>|([^<]+)/y;

function decoded(text: string): string {
  if (!character.test(text)) throw new Error(`not a character of XML in ${JSON.stringify(text)}`);
  if (text.includes("]]>")) throw new Error("the end of a section outside of one");
  return text.replace(/&(\w*;?)/g, (_, name: string) => {
    const known = entities[name.replace(/;$/, "")];
    if (known === undefined || !name.endsWith(";")) throw new Error(`a bare ampersand in ${JSON.stringify(text)}`);
    return known;
  });
}

interface Open {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: XmlElement[];
  text: string;
}

/** Reads well-formed XML without comments, sections and namespaces; throws on anything else. */
export function parseXml(document: string): XmlElement {
  const declaration = '<?xml version="1.0" encoding="UTF-8"?>\n';
  if (!document.startsWith(declaration)) throw new Error("no declaration");
  const root: Open = { name: "", attributes: {}, children: [], text: "" };
  const open = [root];
  token.lastIndex = declaration.length;
  while (token.lastIndex < document.length) {
    const at = token.lastIndex;
    const found = token.exec(document);
    const parent = open.at(-1);
    if (found === null || parent === undefined) throw new Error(`not well-formed at ${document.slice(at, at + 40)}`);
    const [, closed, opened, attributes = "", empty, text] = found;
    if (text !== undefined) parent.text += decoded(text);
    else if (closed !== undefined) {
      if (parent.name !== closed || parent === root) throw new Error(`</${closed}> closes <${parent.name}>`);
      open.pop();
    } else if (opened !== undefined) {
      const pairs = [...attributes.matchAll(/([A-Za-z][\w.-]*)="([^"]*)"/g)];
      const values = Object.fromEntries(pairs.map(([, name = "", value = ""]) => [name, decoded(value)]));
      if (Object.keys(values).length !== pairs.length) throw new Error(`an attribute of <${opened}> twice`);
      const element: Open = { name: opened, attributes: values, children: [], text: "" };
      parent.children.push(element);
      if (empty === "") open.push(element);
    }
  }
  const [first, ...others] = root.children;
  if (open.length !== 1 || first === undefined || others.length > 0 || root.text.trim() !== "") {
    throw new Error("not one element");
  }
  return first;
}
